package simulate_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/simulate"
)

func TestFileRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scan.npz")
	var bad *badinput.Error
	if _, err := simulate.File(t.Context(), path, simulate.Options{N: 65}); !errors.As(err, &bad) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left")
	}
}
