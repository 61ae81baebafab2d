package trainer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/engine"
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
	groups, err := r.groups(r.Scans)
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
	if all, err := r.groups(r.Scans); err != nil || len(all) != 9 {
		t.Errorf("%d groups of channels (%v)", len(all), err)
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
