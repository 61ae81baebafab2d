package trainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
)

// A stray position costs its own groups, not a canvas as large as its distance.
func TestPatternsTooFarApartShareNoCanvas(t *testing.T) {
	t.Parallel()
	data := simulated(t, 9, 1)
	data.X[4] += 1e5
	c := small()
	c.Gridsize = 2
	r, _ := request(c, opened(t, data), engine.Tape{})
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	groups, err := r.groups(r.Scans, scans(r.Scans).ids(), 1, 0)
	if err != nil || len(groups) < 5 {
		t.Fatalf("%d groups (%v)", len(groups), err)
	}
	loaded, _, err := r.data()
	if err != nil {
		t.Fatal(err)
	}
	if size := loaded.canvasSize(64); size > 3*64 {
		t.Errorf("a canvas of %d pixels", size)
	}
	if !strings.Contains(log.String(), "too far apart to overlap") {
		t.Errorf("log %s", &log)
	}

	r.Config.Grouping = Channels // each pattern has a patch of its own
	if all, err := r.groups(r.Scans, scans(r.Scans).ids(), 1, 0); err != nil || len(all) != 9 {
		t.Errorf("%d groups of channels (%v)", len(all), err)
	}
}

// TestValidationSharesNoPattern: no pattern that validates is in a group to train on, in any scan, and the seed alone
// decides which those are.
func TestValidationSharesNoPattern(t *testing.T) {
	t.Parallel()
	list := []*dataset.Scan{opened(t, simulated(t, 24, 1)), opened(t, brighter(t, 12))}
	for _, change := range []func(*Config){
		func(c *Config) { c.Gridsize = 2 },
		func(c *Config) { c.Gridsize, c.Grouping = 2, Channels },
		func(c *Config) { c.Gridsize, c.Oversample, c.Neighbours = 2, 3, 6 },
		func(c *Config) { c.Gridsize, c.Patterns = 2, 16 },
		func(c *Config) { c.Gridsize = 1 },
	} {
		differ := false
		var before string
		for seed := range uint64(5) {
			c := small()
			c.ValFraction, c.Seed = 0.25, seed
			change(&c)
			r, _ := request(c, list[0], engine.Tape{})
			r.Scans = list
			parts := func() (string, string) {
				train, val, err := r.data()
				if err != nil {
					t.Fatal(err)
				}
				trained, seen := map[[2]int]bool{}, map[int]bool{}
				for place := range train.X {
					trained[[2]int{train.Scan[place], train.ids[place]}] = true
				}
				for place := range val.X {
					seen[val.Scan[place]] = true
					if id := [2]int{val.Scan[place], val.ids[place]}; trained[id] {
						t.Errorf("%+v: pattern %v validates and is trained on", c, id)
					}
				}
				if c.Patterns == 0 && (len(seen) != 2 || len(train.X)+len(val.X) != 36) {
					t.Errorf("%+v: %d and %d patterns, validation of %d scans", c, len(train.X), len(val.X), len(seen))
				}
				if c.Patterns > 0 && len(train.Groups)+len(val.Groups) != c.Patterns {
					t.Errorf("%+v: %d and %d groups", c, len(train.Groups), len(val.Groups))
				}
				return fmt.Sprint(positions(train)), fmt.Sprint(positions(val))
			}
			train, val := parts()
			if trainAgain, valAgain := parts(); trainAgain != train || valAgain != val {
				t.Errorf("%+v: the same seed gives other parts", c)
			}
			differ = differ || before != "" && before != val
			before = val
		}
		if !differ {
			t.Error("all seeds set the same patterns aside")
		}
	}
}

// TestEachScanDrawsItsOwnGroups: scans of the same positions get different neighbours, as training or validation scans.
func TestEachScanDrawsItsOwnGroups(t *testing.T) {
	t.Parallel()
	c := small()
	c.Gridsize, c.Neighbours, c.Grouping = 2, 8, Channels
	scan := opened(t, simulated(t, 24, 1))
	r, _ := request(c, scan, engine.Tape{})
	r.Scans, r.Validation = []*dataset.Scan{scan, scan}, []*dataset.Scan{scan}
	train, validation, err := r.separateGroups()
	if err != nil || len(train) != 48 || len(validation) != 24 {
		t.Fatalf("%d and %d groups (%v)", len(train), len(validation), err)
	}
	text := func(groups [][]int, first int) string {
		var members []int
		for _, id := range slices.Concat(groups...) {
			members = append(members, id-first)
		}
		return fmt.Sprint(members)
	}
	a, b, v := text(train[:24], 0), text(train[24:], 24), text(validation, 0)
	if a == b || a == v || b == v {
		t.Errorf("groups %s, %s and of validation %s", a, b, v)
	}
}

// TestASmallScanIsAllForTraining: it has not enough patterns for a group of each part.
func TestASmallScanIsAllForTraining(t *testing.T) {
	t.Parallel()
	c := small()
	c.Gridsize, c.ValFraction = 2, 0.2
	r, _ := request(c, opened(t, simulated(t, 7, 1)), engine.Tape{})
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	train, val, err := r.data()
	if err != nil || val != nil || len(train.Groups) != 7 || !strings.Contains(log.String(), "too small to validate") {
		t.Errorf("%v, validation %v, log %s", err, val, &log)
	}
}

func TestAScanWithoutOverlapHasNoGroups(t *testing.T) {
	t.Parallel()
	data := simulated(t, 9, 1)
	for i := range data.X {
		data.X[i] *= 1000
	}
	c := small()
	c.Gridsize = 2
	r, _ := request(c, opened(t, data), engine.Tape{})
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.File != r.Scans[0].Path ||
		bad.Key != "xcoords, ycoords" {
		t.Errorf("error %v", err)
	}
}
