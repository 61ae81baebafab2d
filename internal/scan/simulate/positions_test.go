package simulate_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/testutil"
	"ptyx/internal/scan/simulate"
)

// Every patch lies on the object, and positions are a step apart: each has an area of about a step squared.
func TestPositions(t *testing.T) {
	for _, kind := range []simulate.ScanKind{simulate.Raster, simulate.Fermat, simulate.Random} {
		for _, count := range []int{1, 2, 7, 400} {
			o := options()
			o.Scan, o.Count, o.Noiseless = kind, count, true
			if count == 400 {
				o.Step = 3
			}
			scan := run(t, o)
			if len(scan.X) != count || len(scan.Y) != count || scan.Patterns.Shape[0] != count {
				t.Fatalf("%s: %d columns, %d rows, patterns %v", kind, len(scan.X), len(scan.Y), scan.Patterns.Shape)
			}
			for j := range count {
				for axis, at := range []float64{scan.Y[j], scan.X[j]} {
					if start := frame.Pixel(at) - n/2; start < 0 || start+n > scan.Object.Shape[axis] {
						t.Errorf("%s: position %d at (%g, %g) leaves the object %v", kind, j, scan.X[j], scan.Y[j],
							scan.Object.Shape)
					}
				}
			}
			if count < 400 {
				continue
			}
			width, height := slices.Max(scan.X)-slices.Min(scan.X), slices.Max(scan.Y)-slices.Min(scan.Y)
			area := width * height
			if kind == simulate.Fermat {
				area *= math.Pi / 4 // a disc
			}
			// a raster of 20 x 20 has 19 steps
			if step := math.Sqrt(area / float64(count)); !testutil.Close(step, o.Step, 0, 0.1) {
				t.Errorf("%s: a step of %g, want %g", kind, step, o.Step)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	var object simulate.ObjectKind
	var probe simulate.ProbeKind
	var scan simulate.ScanKind
	for _, c := range []struct {
		known string
		read  func([]byte) error
		value func() string
	}{
		{"star lines blobs", object.UnmarshalText, func() string { return string(object) }},
		{"gaussian disk zoneplate", probe.UnmarshalText, func() string { return string(probe) }},
		{"raster fermat random", scan.UnmarshalText, func() string { return string(scan) }},
	} {
		for _, kind := range strings.Fields(c.known) {
			if err := c.read([]byte(kind)); err != nil || c.value() != kind {
				t.Errorf("%s is read as %s (%v)", kind, c.value(), err)
			}
		}
		for _, kind := range []string{"", "moon", strings.ToUpper(strings.Fields(c.known)[0])} {
			err := c.read([]byte(kind))
			if last := strings.Fields(c.known)[2]; err == nil ||
				!strings.Contains(err.Error(), fmt.Sprintf("found %q, expected", kind)) ||
				!strings.Contains(err.Error(), last) {
				t.Errorf("%q: %v", kind, err)
			}
		}
	}
	o := options()
	for _, change := range []func(*simulate.Options){
		func(o *simulate.Options) { o.Object = "moon" }, func(o *simulate.Options) { o.Probe = "" },
		func(o *simulate.Options) { o.Scan = "spiral" },
	} {
		o := o
		change(&o)
		if _, err := simulate.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is not known") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
