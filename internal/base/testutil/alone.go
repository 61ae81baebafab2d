package testutil

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// alone tells a child process of Alone which test it is.
const alone = "PTYX_ALONE"

// Alone calls f in a child process, which is the same test once more: for what f does to a process as a whole, a limit
// on its files say, and would do to the files of go test, too.
func Alone(t *testing.T, f func()) {
	t.Helper()
	if os.Getenv(alone) == t.Name() {
		f()
		return
	}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "10m", "-test.v")
	child.Env = append(os.Environ(), alone+"="+t.Name())
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
}
