package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source/sourcetest"
)

// TestFaultsOfMasters: a master without data, or with data that contradict it, is refused in one sentence.
func TestFaultsOfMasters(t *testing.T) {
	alone := filepath.Join(t.TempDir(), "dectris_1_master.h5")
	content, err := os.ReadFile("testdata/dectris_1_master.h5")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, content, 0o644); err != nil {
		t.Fatal(err)
	}
	one := sourcetest.File{"entry/data/data_000001": numbers(2, 2, 3)}
	two := sourcetest.File{"entry/data/data": numbers(2, 2, 2, 3), "entry/data/channel": "threshold_1"}
	const specific = "entry/instrument/detector/detectorSpecific/"
	for name, tt := range map[string]struct {
		path, want string
	}{
		"no data file": {alone, "entry/data/data_000001: found 4 links to data files that do not exist, expected one"},
		"images of two sizes": {one.With("entry/data/data_000002", numbers(2, 3, 2)).Write(t, "a.h5"),
			"/entry/data/data_000002: found shape [2 3 2]"},
		"an image alone": {one.With("entry/data/data_000002", numbers(2, 3)).Write(t, "a.h5"),
			"entry/data/data_000002: found shape [2 3], expected (M, H, W)"},
		"a mask of three axes": {one.With(specific+"pixel_mask", numbers(1, 2, 3)).Write(t, "a.h5"),
			"pixel_mask: found shape (1, 2, 3), expected (H, W)"},
		"data of five axes": {two.With("entry/data/data", numbers(1, 1, 2, 2, 2)).Write(t, "a.h5"),
			"entry/data/data: found shape (1, 1, 2, 2, 2), expected (M, H, W), or (M, channels, H, W)"},
	} {
		_, err := open(t, tt.path)
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
	s := mustOpen(t, two.Write(t, "a.h5"))
	if got := readPatterns(t, s, 6, 2); !slices.Equal(got, []float32{0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}) {
		t.Errorf("the first channel of two is %v", got)
	}
}
