package destination_test

import (
	"testing"

	"ptyx/internal/base/destination"
)

// Not even root can write to the file system of the processes.
func TestLockedDirectories(t *testing.T) {
	mustSay(t, "a directory", destination.Dir("--out", "/proc/run"), "/proc/run",
		"a directory /proc that cannot be written to")
	mustSay(t, "a file", destination.File("--out", "/proc/model.onnx"), "/proc/model.onnx",
		"a directory /proc that cannot be written to")
}
