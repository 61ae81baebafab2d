package version_test

import (
	"os"
	"regexp"
	"testing"

	"ptyx/internal/base/version"
)

// TestVersion expects the constant to be the newest release in the changelog, the citation and the conda recipe.
func TestVersion(t *testing.T) {
	for file, released := range map[string]string{
		"../../../CHANGELOG.md": `(?m)^## \[(\d+\.\d+\.\d+)\]`, // newest first, after [Unreleased]
		"../../../CITATION.cff": `(?m)^version: "?([^"\s]+)"?$`,

		"../../../scripts/deploy/recipe.yaml": `(?m)^  version: "([^"]+)"$`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(released).FindSubmatch(text)
		if found == nil || string(found[1]) != version.String {
			t.Errorf("%s: newest release %q, want %s", file, found, version.String)
		}
	}
}
