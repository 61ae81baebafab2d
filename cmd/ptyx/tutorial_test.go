package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestTutorialIsRun compares the commands of docs/tutorial.md with the script that runs them.
func TestTutorialIsRun(t *testing.T) {
	commands := func(path, pattern string) []string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			list = append(list, m[1])
		}
		return list
	}
	page := commands("../../docs/tutorial.md", `(?m)^    (ptyx .*)$`)
	run := commands("testdata/script/tutorial.txtar", `(?m)^exec (ptyx .*)$`)
	if len(page) < 8 || !slices.Equal(page, run) {
		t.Errorf("the tutorial has\n%q\nand its script runs\n%q", page, run)
	}
}
