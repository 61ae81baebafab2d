package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/survey"
)

// asBeamline writes a simulated scan as a beamline would: counts at a place that no layout has, the optics with units,
// and the positions of the stage in micrometres in a text file, in an order of their own.
func asBeamline(t *testing.T, scan *dataset.Scan, pixel float64, dir string) (master, stage string) {
	t.Helper()
	amplitudes, err := scan.Load()
	if err != nil {
		t.Fatal(err)
	}
	counts := ndarray.New[float32](amplitudes.Shape...)
	for i, a := range amplitudes.Data {
		counts.Data[i] = float32(math.Round(float64(a) * float64(a)))
	}
	l, err := hdf5.Load(os.Getenv("PTYX_HDF5"))
	if err != nil {
		t.Fatal(err)
	}
	const energy, detector = 8000.0, 75e-6
	master = filepath.Join(dir, "scan 7.h5")
	err = l.Create(master, func(w *hdf5.Writer) error {
		for path, value := range map[string]any{
			"scan7/eiger/frames": counts, "optics/illumination": scan.Probe, "optics/mono/energy": energy / 1000,
			"scan7/eiger/distance":     1e3 * pixel * float64(scan.N) * detector / (1.23984198e-6 / energy),
			"scan7/eiger/x_pixel_size": detector,
		} {
			if err := w.Put(path, value); err != nil {
				return err
			}
		}
		if err := w.Attribute("optics/mono/energy", "units", "keV"); err != nil {
			return err
		}
		return w.Attribute("scan7/eiger/distance", "units", "mm")
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("# stage of scan 7\n# frame, samx (um), samy (um)\n")
	for i := range scan.M {
		i = (i*5 + 3) % scan.M
		fmt.Fprintf(&text, "%d, %.9g, %.9g\n", i+1, 1e6*pixel*scan.X[i], 1e6*pixel*scan.Y[i])
	}
	stage = filepath.Join(dir, "stage.txt")
	if err := os.WriteFile(stage, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return master, stage
}

// TestFromInspectToAScan: the command that inspect prints for files of no known layout is accepted by validate, and the
// layout file that it saves reads the simulated scan.
func TestFromInspectToAScan(t *testing.T) {
	dir := t.TempDir()
	simulated := filepath.Join(dir, "simulated.npz")
	quietly(t, []string{"simulate", "--out", simulated, "--positions", "16", "--step", "6", "--seed", "2", "--quiet"})
	want, err := dataset.Open(simulated, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	master, stage := asBeamline(t, want, 20e-9, dir)
	var found survey.Survey
	if err := json.Unmarshal([]byte(quietly(t, []string{"inspect", master, stage, "--json"})), &found); err != nil {
		t.Fatal(err)
	}
	line := found.Command
	at := slices.Index(line, "scan.yaml")
	if len(line) < 3 || line[0] != "ptyx" || line[1] != "validate" || at < 0 {
		t.Fatalf("the command is %q", line)
	}
	layout := filepath.Join(dir, "scan.yaml")
	line[at] = layout
	if text := quietly(t, line[1:]); !strings.Contains(text, "findings     none") {
		t.Errorf("%q prints\n%s", line, text)
	}
	saved, err := dataset.LoadLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	saved.View.Library = os.Getenv("PTYX_HDF5")
	got, err := dataset.Open(master, dataset.Options{View: saved.View, ProbeFile: saved.ProbeFile})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	for i := range want.X { // the frame of positions in metres begins elsewhere
		dx, dy := got.X[i]-got.X[0]-want.X[i]+want.X[0], got.Y[i]-got.Y[0]-want.Y[i]+want.Y[0]
		if math.Hypot(dx, dy) > 1e-3 {
			t.Errorf("pattern %d is off by %v, %v pixels", i, dx, dy)
		}
	}
	patterns, err := got.Load()
	if err != nil {
		t.Fatal(err)
	}
	truth, err := want.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range truth.Data {
		if d := math.Abs(float64(patterns.Data[i])*float64(patterns.Data[i]) - float64(v)*float64(v)); d > 0.51 {
			t.Fatalf("pixel %d has %v, want %v", i, patterns.Data[i], v)
		}
	}
}
