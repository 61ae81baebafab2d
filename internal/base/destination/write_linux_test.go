package destination_test

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"ptyx/internal/base/destination"
)

// TestWrite replaces a file in one step: an error of the disk or of the callback leaves the old file and nothing else.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	expect := func(name string, err error, message, content string, permissions os.FileMode) {
		t.Helper()
		if (err == nil) != (message == "") || err != nil && err.Error() != "writing "+path+": "+message {
			t.Errorf("%s: error %v, want %q", name, err, message)
		}
		data, err := os.ReadFile(path)
		if err != nil || string(data) != content {
			t.Errorf("%s: content %q, %v, want %q", name, data, err, content)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != permissions {
			t.Errorf("%s: permissions %v, %v, want %v", name, info.Mode(), err, permissions)
		}
		if left := names(t, dir); left != "model.onnx" {
			t.Errorf("%s: the directory holds %s", name, left)
		}
	}
	fill := func(text string) func(*os.File) error {
		return func(f *os.File) error { _, err := f.WriteString(text); return err }
	}

	expect("a new file", destination.WriteFile(path, []byte("one"), 0o600), "", "one", 0o600)
	expect("an old file keeps its permissions", destination.WriteFile(path, []byte("two"), 0o644), "", "two", 0o600)
	expect("a stream", destination.Write(path, fill("three")), "", "three", 0o644)
	broken := destination.Write(path, func(f *os.File) error {
		return errors.Join(fill("half")(f), errors.New("a broken scan"))
	})
	expect("a callback that fails", broken, "a broken scan", "three", 0o644)

	signal.Ignore(unix.SIGXFSZ)
	defer signal.Reset(unix.SIGXFSZ)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 2, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	data, stream := destination.WriteFile(path, []byte("four"), 0o644), destination.Write(path, fill("four"))
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	expect("a full disk", data, unix.EFBIG.Error(), "three", 0o644)
	expect("a full disk, stream", stream, unix.EFBIG.Error(), "three", 0o644)

	nowhere := filepath.Join(dir, "none", "model.onnx")
	err := destination.WriteFile(nowhere, nil, 0o644)
	if err == nil || err.Error() != "writing "+nowhere+": no such file or directory" {
		t.Errorf("a missing directory: %v", err)
	}
}
