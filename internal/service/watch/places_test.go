package watch

import (
	"strings"
	"testing"
)

// TestPlacesOfMessages reads lists, single numbers and units, and refuses what states no positions.
func TestPlacesOfMessages(t *testing.T) {
	for text, want := range map[string]string{
		`{"ids": [0, 5], "x": [1, 2], "y": [3, 4], "unit": "um", "time": 7}`: "",
		`{"id": 5, "x": 1.5, "y": -2}`:                                       "",
		`{"ids": [0], "x": [1], "y": [2], "units": "um"}`:                    `the key "units"`,
		`{"ids": [0], "x": [1, 2], "y": [3]}`:                                "1 ids, 2 x, 1 y",
		`{"ids": [0], "x": [1], "y": [2], "unit": "furlong"}`:                `the unit "furlong"`,
		`{"ids": [-1], "x": [1], "y": [2]}`:                                  "frame -1 at (1, 2)",
		`{"ids": [0.5], "x": [1], "y": [2]}`:                                 "no list of positions",
		`{"ids": [0], "x": [1e300], "y": [2]}`:                               "frame 0",
		`{"ids": [0, 1], "x": [1, null], "y": [2, 3]}`:                       "null in place of a number",
		`{"id": null, "x": 1, "y": 2}`:                                       "null in place of a number",
		`{"frames": [0], "xs": [1], "ys": [2]}`:                              "without ids",
		`[0, 1, 2]`:                                                          "no list of positions",
		``:                                                                   "no list of positions",
	} {
		_, err := parsePlaces([]byte(text), "")
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if p, err := parsePlaces([]byte(`{"id": 5, "x": 1.5, "y": -2, "unit": "um"}`), "nm"); err != nil ||
		p.Unit != "nm" || p.IDs[0] != 5 || p.X[0] != 1.5 || p.Y[0] != -2 {
		t.Errorf("with a unit that the user states: %+v, %v", p, err)
	}
}

// FuzzPlaces reads anything: it fails, or gives as many ids as positions, all within the limits.
func FuzzPlaces(f *testing.F) {
	f.Add([]byte(`{"ids": [0, 5], "x": [1, 2], "y": [3, 4], "unit": "um"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parsePlaces(raw, "")
		if err != nil {
			return
		}
		if len(p.IDs) != len(p.X) || len(p.IDs) != len(p.Y) {
			t.Errorf("%d ids, %d x, %d y", len(p.IDs), len(p.X), len(p.Y))
		}
		for i, id := range p.IDs {
			if checkPosition(id, p.X[i], p.Y[i], p.Unit) != nil {
				t.Errorf("frame %d at (%v, %v)", id, p.X[i], p.Y[i])
			}
		}
	})
}
