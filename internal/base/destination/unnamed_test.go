package destination_test

import (
	"errors"
	"io/fs"
	"testing"

	"ptyx/internal/base/destination"
)

// TestUnnamed: what is written can be read, and the directory has no name in it, neither before nor after.
func TestUnnamed(t *testing.T) {
	dir := t.TempDir()
	file, err := destination.Unnamed(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	read := make([]byte, 3)
	if _, err := file.WriteAt([]byte("abc"), 5); err != nil {
		t.Error(err)
	}
	if _, err := file.ReadAt(read, 5); err != nil || string(read) != "abc" {
		t.Errorf("read %q, %v", read, err)
	}
	for range 2 {
		if left := names(t, dir); left != "" {
			t.Errorf("in the directory: %s", left)
		}
		_ = file.Close()
	}
	if _, err := destination.Unnamed(dir+"/none", "test"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
}
