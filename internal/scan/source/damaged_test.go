package source

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
)

// TestDamagedHDF5 reads damaged files in a process of their own, because Go cannot catch a crash of the HDF5 library,
// which is C. The process must survive, and every error must be a *badinput.Error.
func TestDamagedHDF5(t *testing.T) {
	files := samples(t)
	names := slices.Sorted(maps.Keys(files))
	path := filepath.Join(besideMasters(t), "damaged.h5")
	testutil.CasesInChild(t, 2000, func(i int) error {
		r := rand.New(rand.NewPCG(uint64(i), 0))
		if err := os.WriteFile(path, testutil.Damage(files[names[i%len(names)]], r), 0o600); err != nil {
			return err
		}
		for _, err := range readThrough(path) {
			var fault *badinput.Error
			if err != nil && !errors.As(err, &fault) {
				return fmt.Errorf("%s: an error of type %T: %w", names[i%len(names)], err, err)
			}
		}
		return nil
	})
}
