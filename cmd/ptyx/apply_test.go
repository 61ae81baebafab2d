package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/scan/dataset"
)

// TestValidateAppliesEachOrientation writes a scan with its positions turned and mirrored in each of the eight ways.
// The layout file that validate --apply saves, or changes, reads the positions of the scan as it was measured.
func TestValidateAppliesEachOrientation(t *testing.T) {
	dir := t.TempDir()
	measured := filepath.Join(dir, "measured.npz")
	quietly(t, []string{"simulate", "--out", measured, "--positions", "60", "--seed", "2", "--quiet"})
	want, err := dataset.Open(measured, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	patterns, err := want.Load()
	if err != nil {
		t.Fatal(err)
	}
	for way := range 8 {
		swap, flipX, flipY := way&1 > 0, way&2 > 0, way&4 > 0
		d := dataset.ScanData{Patterns: patterns, Probe: want.Probe}
		for i := range want.X {
			x, y := want.X[i], want.Y[i]
			if swap {
				x, y = y, x
			}
			if flipX {
				x = -x
			}
			if flipY {
				y = -y
			}
			d.X, d.Y = append(d.X, x), append(d.Y, y)
		}
		scan := filepath.Join(dir, fmt.Sprintf("%d.npz", way))
		if err := dataset.Write(scan, d); err != nil {
			t.Fatal(err)
		}
		layout := filepath.Join(dir, fmt.Sprintf("%d.yaml", way))
		given := []string{"--save-layout", layout}
		if way%2 == 0 { // a layout that exists, with an orientation and another key
			if err := os.WriteFile(layout, []byte("flip_y: true\nbin: 1\ncrop: 64@32,32\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			given = []string{"--layout-file", layout}
		}
		text := quietly(t, append([]string{"validate", scan, "--apply"}, given...))
		wrong := way != 4 // the layout that exists has flip_y, which is right there
		if strings.Contains(text, "fixed in the layout file") != wrong {
			t.Errorf("orientation %d:\n%s", way, text)
		}
		read, err := dataset.LoadLayout(layout)
		if err != nil {
			t.Fatal(err)
		}
		if way%2 == 0 && read.View.Crop.String() != "64@32,32" {
			t.Errorf("%d: the layout lost its crop: %+v", way, read)
		}
		got, err := dataset.Open(scan, dataset.Options{View: read.View})
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.X {
			dx, dy := got.X[i]-got.X[0]-want.X[i]+want.X[0], got.Y[i]-got.Y[0]-want.Y[i]+want.Y[0]
			if math.Hypot(dx, dy) > 1e-3 {
				t.Errorf("orientation %d, layout %+v: position %d is off by (%g, %g)", way, read.View, i, dx, dy)
				break
			}
		}
		got.Close()
		if text := quietly(t, []string{"validate", scan, "--layout-file", layout}); !strings.Contains(text,
			"findings     none") {
			t.Errorf("orientation %d, with its layout: %s", way, text)
		}
	}
}

// TestValidateAppliesToALayoutFileOnly: without one there is nothing to write to.
func TestValidateAppliesToALayoutFileOnly(t *testing.T) {
	p := newProcess(t)
	out, err := p.command(0, "validate", "scan.npz", "--apply").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--apply: found no layout file, expected --save-layout") {
		t.Errorf("%v: %s", err, out)
	}
}
