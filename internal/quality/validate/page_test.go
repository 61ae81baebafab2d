package validate

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryCheckIsExplained: docs/troubleshooting.md has a section for each check, and for what cannot be read; and
// none for a check that does not exist. Each shows a picture, but for a file that cannot be read.
func TestEveryCheckIsExplained(t *testing.T) {
	page, err := os.ReadFile("../../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"file"}
	for _, c := range checks() {
		want = append(want, c.name)
		if !strings.Contains(string(page), "](troubleshooting/"+c.name+".png)") {
			t.Errorf("the page has no picture of %s", c.name)
		}
	}
	var explained []string
	for _, m := range regexp.MustCompile(`(?m)^## (\w+): `).FindAllStringSubmatch(string(page), -1) {
		explained = append(explained, m[1])
	}
	slices.Sort(want)
	slices.Sort(explained)
	if !slices.Equal(explained, want) {
		t.Errorf("the page explains %v, the checks are %v", explained, want)
	}
}
