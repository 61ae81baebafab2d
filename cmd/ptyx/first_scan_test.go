package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ptyx/internal/format/hdf5/hdf5test"
)

const firstScan = "testdata/first_scan"

// simulation finds the flags by which make.py simulates the scan.
var simulation = regexp.MustCompile(`SIMULATION = "(.*)"\.split`)

// TestFirstScan runs the commands of docs/first-scan.md on a master with two data files, a CSV of positions in
// micrometres and no probe, and compares the object with the truth.
func TestFirstScan(t *testing.T) {
	page, err := os.ReadFile("../../docs/first-scan.md")
	if err != nil {
		t.Fatal(err)
	}
	maker, err := os.ReadFile(firstScan + "/make.py")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(firstScan)); err != nil {
		t.Fatal(err)
	}
	p := newProcess(t)
	run := func(args ...string) []byte {
		t.Helper()
		c := p.command(0, args...)
		c.Dir = dir
		if library := hdf5test.Library(); library != "" {
			c.Env = append(c.Env, "PTYX_HDF5="+library)
		}
		var log strings.Builder
		c.Stderr = &log
		out, err := c.Output()
		if err != nil {
			t.Fatalf("ptyx %s: %v\n%s%s", strings.Join(args, " "), err, out, log.String())
		}
		return out
	}
	commands := regexp.MustCompile(`(?m)^    ptyx (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(commands) != 3 {
		t.Fatalf("the page has the commands %q, want three", commands)
	}
	for _, c := range commands {
		run(strings.Fields(c[1])...)
	}
	for _, name := range []string{"scan.yaml", "result/reconstructed_phase.png", "result/probe.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	flags := strings.Fields(simulation.FindStringSubmatch(string(maker))[1])
	run(append([]string{"simulate", "--out", "truth.npz"}, flags...)...)
	var report struct {
		Correlation float64 `json:"complex_correlation"`
	}
	out := run("eval", "--recon", "result", "--reference", "truth.npz", "--json")
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	if t.Logf("correlation with the truth %.3f", report.Correlation); !(report.Correlation > 0.97) {
		t.Errorf("correlation with the truth %.3f, want more than 0.97\n%.600s", report.Correlation, out)
	}
}
