package destination_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
)

func TestPlaces(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	before := names(t, root)
	dir, out := destination.Dir, destination.File
	for _, tt := range []struct {
		name  string
		check func(flag, path string) error
		path  string
		want  string // part of the sentence; empty: no fault
	}{
		{"a directory", dir, root, ""},
		{"one to be made", dir, filepath.Join(root, "a", "b"), ""},
		{"a file in the place of a directory", dir, file, "found a file at " + file + ", expected a directory"},
		{"a directory below a file", dir, filepath.Join(file, "a", "b"), "found a file at " + file},
		{"a directory without a name", dir, "", "an empty name"},
		{"a name too long", dir, filepath.Join(root, strings.Repeat("x", 5000)), "cannot be made (file name too long)"},
		{"a new file", out, filepath.Join(root, "new"), ""},
		{"a file to replace", out, file, ""},
		{"a directory in the place of a file", out, root, "found a directory, expected a file"},
		{"a file in no directory", out, filepath.Join(root, "a", "b"), "no directory " + filepath.Join(root, "a")},
		{"a file below a file", out, filepath.Join(file, "b"), "found a file at " + file},
		{"a file without a name", out, "", "an empty name"},
	} {
		mustSay(t, tt.name, tt.check("--out", tt.path), tt.path, tt.want)
	}
	if after := names(t, root); after != before {
		t.Errorf("the checks left %s", after)
	}
}

// mustSay expects an input error about path and the flag --out that contains want, or none if want is empty.
func mustSay(t *testing.T, name string, err error, path, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	var fault *badinput.Error
	if !errors.As(err, &fault) || fault.Key != "--out" || fault.File != path || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want a *badinput.Error that says %q", name, err, want)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestRoom(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "run"), filepath.Join(dir, "far", "below")} {
		if got, err := destination.Room(path); err != nil || got != dir {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
}
