package survey_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/survey"
)

// FuzzSurvey: whatever the bytes, a file is described or refused with a *badinput.Error.
func FuzzSurvey(f *testing.F) {
	seeds, err := filepath.Glob("../source/testdata/*.hdf5")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, path := range append(seeds, "../../../testdata/scan.npz", "../../format/hdf5/testdata/links.h5",
		"../source/testdata/dectris_positions.csv") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	path := filepath.Join(f.TempDir(), "fuzz.h5")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := survey.Files([]string{path}, source.Options{Library: hdf5test.Library()})
		if fault := (*badinput.Error)(nil); err != nil && !errors.As(err, &fault) {
			t.Fatalf("an error of type %T: %v", err, err)
		}
		if err == nil {
			if err := s.WriteText(io.Discard); err != nil {
				t.Fatal(err)
			}
		}
	})
}
