package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestClaimsHaveTests: the tests that docs/security.md and docs/dev/reliability.md name are there.
func TestClaimsHaveTests(t *testing.T) {
	files := repository(t)
	there := map[string]bool{}
	for name, content := range files {
		if strings.HasSuffix(name, "_test.go") {
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(content, -1) {
				there[m[1]] = true
			}
		}
	}
	for _, page := range []string{"docs/security.md", "docs/dev/reliability.md"} {
		named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(files[page], -1)
		if len(named) < 8 {
			t.Errorf("%s names %d tests", page, len(named))
		}
		for _, m := range named {
			if !there[m[1]] {
				t.Errorf("%s names %s, which there is not", page, m[1])
			}
		}
	}
}
