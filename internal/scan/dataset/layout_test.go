package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayoutFiles: a layout comes back as it was saved, with its files relative to its own folder.
func TestLayoutFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{"scans/positions.csv", "scans/beam.h5"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	motion := false
	saved := LayoutOf(Options{
		Input: Intensity, Orientation: OrientationAuto, ProbeFile: "scans/beam.h5:/probe", View: View{
			Library: "/usr/lib/libhdf5.so", Patterns: "entry/data", PositionsFile: "scans/positions.csv", X: "x",
			Y: "y", Unit: "um", Mask: ":/entry/mask", FollowLinks: "scans",
			Crop: Crop{Size: 128, Row: 3, Col: 4}, Bin: 1, FlipY: true,
			SampleMotion: &motion, EnergyEV: 8000,
		},
	})
	if saved.View.Library != "" || saved.View.Bin != 0 || saved.Orientation != "" {
		t.Errorf("defaults and the library of this machine are kept: %+v", saved)
	}
	if err := os.Mkdir("layouts", 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("layouts", "scan.yaml")
	if err := saved.Save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"positions_file: ../scans/positions.csv", "probe_file: ../scans/beam.h5:/probe", "mask: :/entry/mask",
		"follow_links: ../scans",
		"crop: 128@3,4", "unit: um", "sample_motion: false",
	} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the layout lacks %q:\n%s", line, text)
		}
	}
	loaded, err := LoadLayout(path)
	if err != nil {
		t.Fatal(err)
	}
	if *loaded.View.SampleMotion != motion {
		t.Error("the sense of the positions is lost")
	}
	loaded.View.SampleMotion = saved.View.SampleMotion
	if loaded != saved {
		t.Errorf("%+v\nis loaded as\n%+v", saved, loaded)
	}
}

// TestFaultyLayouts: each fault is one sentence with the file.
func TestFaultyLayouts(t *testing.T) {
	for text, says := range map[string]string{
		"pattern: entry/data":  "field pattern not found",
		"unit: furlong":        `found "furlong", expected px, m, mm, um or nm`,
		"crop: all":            `"all" is neither auto, nor a size`,
		"energy_ev: -3":        "--energy-ev: found -3",
		"patterns: [a, b]":     "cannot unmarshal",
		"x: 1\nx: 2":           "already defined",
		"\x00":                 "control characters are not allowed",
		"distance_m: 2 metres": "cannot unmarshal",
	} {
		path := filepath.Join(t.TempDir(), "scan.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := LoadLayout(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), says) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, without %q", text, err, says)
		}
	}
	if _, err := LoadLayout("absent.yaml"); err == nil || !strings.Contains(err.Error(), "--layout-file") {
		t.Errorf("%v", err)
	}
}
