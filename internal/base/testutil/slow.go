package testutil

import (
	"os"
	"testing"
)

// Slow skips a test that is slow by nature, such as kills, soaks and many trainings, unless PTYX_SLOW is set. `make
// test-all` sets it.
func Slow(t testing.TB) {
	t.Helper()
	if os.Getenv("PTYX_SLOW") == "" {
		t.Skip("slow: set PTYX_SLOW=1, or run make test-all")
	}
}
