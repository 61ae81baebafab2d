package hdf5

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
)

func TestLinksToOtherFiles(t *testing.T) {
	f := opened(t, "linked/scan.h5")
	for path, n := range map[string]int{"beside": 4, "below/deep": 5, "through": 4, "below/back/data": 4, "moved": 4} {
		if got, err := dataset(t, f, path).Float64s(); err != nil || !slices.Equal(got, pattern(n, same)) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	for path, want := range map[string]bool{"beside": true, "below": true, "nothing-there": false,
		"below/absent": false} {
		if got, err := f.Has(path); got != want || err != nil {
			t.Errorf("Has(%s): %v, %v", path, got, err)
		}
	}
	if got, present, err := f.AttributeFloat("below", "float"); got != 2.5 || !present || err != nil {
		t.Errorf("an attribute of a linked group: %v, %v, %v", got, present, err)
	}
	if names, err := f.Names("below"); err != nil || !slices.Equal(names, []string{"back", "deep"}) {
		t.Errorf("the names of a linked group: %v, %v", names, err)
	}
}

// TestRefusedLinks: a link out of the folder, to nothing or in a ring is an error of one sentence.
func TestRefusedLinks(t *testing.T) {
	f := opened(t, "linked/scan.h5")
	for path, want := range map[string]string{
		"missing": "/missing: found a link to testdata/linked/missing.h5, expected that file (no such file); " +
			"copy it there",
		"missing-folder": "found a link to testdata/linked/missing.h5",
		"above": "/above: found a link to testdata/types.h5, expected a file in the folder of " +
			"testdata/linked/scan.h5",
		"round":    "found a link to testdata/types.h5",
		"absolute": "found a link to /etc/hostname, expected a file in the folder of",
		"folder":   "found a link to testdata/linked/below, expected an HDF5 file",
		"no-hdf5":  "text.txt: found a file that HDF5 cannot open",
		"ring":     "ring: found a link through more than 8 files",
		"itself":   "itself: found a link through more than 8 files",
	} {
		_, err := f.Dataset(path)
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if errors.Is(err, ErrNoFile) != strings.HasPrefix(path, "missing") {
			t.Errorf("%s: ErrNoFile of %v", path, err)
		}
	}
	const remedy = "if you trust the file, add --follow-links /"
	if _, err := f.Has("above"); err == nil || !strings.Contains(err.Error(), remedy) {
		t.Errorf("Has of a link out of the folder: %v", err)
	}
}

// TestFollowLinks: a folder that the user names admits links into it, and no others.
func TestFollowLinks(t *testing.T) {
	f, err := testLibrary(t).Open("testdata/linked/scan.h5", "testdata")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := dataset(t, f, "above").Float64s(); err != nil || len(got) != 24 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := f.Dataset("absolute"); err == nil || !strings.Contains(err.Error(), "found a link to /etc/hostname") {
		t.Errorf("a link elsewhere: %v", err)
	}
	_, err = testLibrary(t).Open("testdata/linked/scan.h5", "testdata/absent")
	if err == nil || !strings.Contains(err.Error(), "testdata/absent: --follow-links: found no folder of this name") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestSymbolicLinks: symbolic links are resolved before the check, of the linked file and of the scan itself.
func TestSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	scan, outside, work := filepath.Join(dir, "scan"), filepath.Join(dir, "outside"), filepath.Join(dir, "work")
	if err := os.CopyFS(scan, os.DirFS("testdata/linked")); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{outside, work} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	part := filepath.Join(scan, "part.h5")
	if err := errors.Join(
		os.Symlink(filepath.Join(scan, "scan.h5"), filepath.Join(work, "today.h5")),
		os.Rename(part, filepath.Join(outside, "part.h5")),
		os.Symlink(filepath.Join(outside, "part.h5"), part),
	); err != nil {
		t.Fatal(err)
	}
	f, err := testLibrary(t).Open(filepath.Join(work, "today.h5"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := dataset(t, f, "below/deep").Float64s(); err != nil || len(got) != 5 {
		t.Errorf("below the folder that the symbolic link leads to: %v, %v", got, err)
	}
	if _, err := f.Dataset("beside"); err == nil || !strings.Contains(err.Error(), "part.h5, which is "+outside) {
		t.Errorf("a symbolic link out of the folder: %v", err)
	}
}

// openMany opens more files than may be open at the same time, copies of linked/part.h5 in dir.
func openMany(t *testing.T, f *File, dir string) {
	t.Helper()
	content, err := os.ReadFile("testdata/linked/part.h5")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * mostOpen {
		path := filepath.Join(dir, fmt.Sprintf("part-%d.h5", i))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		leave := f.library.enter()
		other, err := f.linked("link", path)
		leave()
		if err != nil || len(f.tree.files) > mostOpen {
			t.Fatalf("file %d: %d open, %v", i, len(f.tree.files), err)
		}
		if there, err := other.Has("data"); !there || err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
	}
}

// TestManyLinkedFiles: the number of open files stays small, and no data are lost.
func TestManyLinkedFiles(t *testing.T) {
	dir := t.TempDir()
	f, err := testLibrary(t).Open("testdata/linked/scan.h5", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	first := dataset(t, f, "beside")
	openMany(t, f, dir)
	if got, err := first.Float64s(); err != nil || !slices.Equal(got, pattern(4, same)) {
		t.Errorf("an open dataset: %v, %v", got, err)
	}
}

func FuzzParseExternal(f *testing.F) {
	f.Add("\x00part.h5\x00/data\x00")
	f.Add("\x00\x00\x00")
	f.Fuzz(func(t *testing.T, value string) {
		file, target, ok := parseExternal(value)
		if ok && (file == "" || strings.ContainsRune(file+target, 0) || len(file)+len(target)+3 > len(value)) {
			t.Errorf("%q became %q and %q", value, file, target)
		}
	})
}
