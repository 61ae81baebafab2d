package workflow

import (
	"errors"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/solve"
)

// TestTilesRefuseWhatTheyCannotDo before any work: a tile forgets a background between two rounds, and scales the
// object.
func TestTilesRefuseWhatTheyCannotDo(t *testing.T) {
	var o TileOptions
	o.Cluster.URL = "nats://localhost"
	for key, change := range map[string]func(*solve.Options){
		"--positions":      func(s *solve.Options) { s.Positions = true },
		"--opr, --flicker": func(s *solve.Options) { s.OPR = 1 },
		"--background":     func(s *solve.Options) { s.Background = true },
		"--freeze":         func(s *solve.Options) { s.Freeze.Object = 3 },
	} {
		s := SolveOptions{Solver: solve.Defaults(10)}
		if err := o.check(s); err != nil {
			t.Fatal(err)
		}
		change(&s.Solver)
		var bad *badinput.Error
		if err := o.check(s); !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: %v", key, err)
		}
	}
}
