package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestTutorialIsRun holds docs/tutorial.md to the script that runs its commands.
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
	told := commands("../../docs/tutorial.md", `(?m)^    (ptyx .*)$`)
	run := commands("testdata/script/tutorial.txtar", `(?m)^exec (ptyx .*)$`)
	if len(told) < 8 || !slices.Equal(told, run) {
		t.Errorf("the tutorial says\n%q\nand its script runs\n%q", told, run)
	}
}
