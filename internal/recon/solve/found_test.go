package solve

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/format/npz"
)

// TestARunResumesWithWhatWasFound: from a probe and positions that searches found, to the same bytes. The resumed run
// knows the scan alone.
func TestARunResumesWithWhatWasFound(t *testing.T) {
	scan, _ := simulated(t, 16, 1e6)
	p := scan
	p.GivenX, p.GivenY, p.X, p.Y = scan.X, scan.Y, slices.Clone(scan.X), slices.Clone(scan.Y)
	for i := range p.X {
		p.X[i] += float64(i%5) - 6 // farther than passes move it
	}
	p.GivenProbe, p.FoundProbe = scan.Probe, defocused(scan.Probe, 0.02)
	p.Probe = p.FoundProbe.Clone()
	o := usual()
	o.Positions, o.KeepStretch, o.Passes = true, true, 6
	whole, path := filepath.Join(t.TempDir(), "whole.npz"), filepath.Join(t.TempDir(), "state.npz")
	want, err := keptRun(t, p, o, whole, false, cut{})
	if err != nil {
		t.Fatal(err)
	}
	short := o
	short.Passes = 3
	if _, err := keptRun(t, p, short, path, false, cut{}); err != nil {
		t.Fatal(err)
	}
	resumed := o
	resumed.KeepStretch, resumed.Resume = false, path
	again := scan
	if err := Restore(&again, &resumed); err != nil {
		t.Fatal(err)
	}
	got, err := keptRun(t, again, resumed, path, true, cut{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "resumed", got, want)
	if !bytes.Equal(read(t, path), read(t, whole)) {
		t.Error("the states differ")
	}
	fewer := scan
	fewer.X, fewer.Y = scan.X[1:], scan.Y[1:]
	const other = "data_sha256: found the state of another scan"
	if err := Restore(&fewer, &resumed); err == nil || !strings.Contains(err.Error(), other) {
		t.Errorf("fewer patterns: %v, want %q", err, other)
	}
	far := p
	far.X = slices.Clone(p.X)
	far.X[3] = 1e12
	if err := npz.Write(path, append(found(far, o), npz.Member{Key: "format", Value: int64(savedFormat)})); err != nil {
		t.Fatal(err)
	}
	damaged := scan
	if err := Restore(&damaged, &resumed); err == nil || !strings.Contains(err.Error(), "found.x: found 1e+12") {
		t.Errorf("a position far away: %v", err)
	}
	if _, err := keptRun(t, scan, short, path, false, cut{}); err != nil {
		t.Fatal(err)
	}
	bare := scan
	bare.Probe = nil
	const without = "probe_sha256: found the state of a run from another probe"
	if err := Restore(&bare, &resumed); err == nil || !strings.Contains(err.Error(), without) {
		t.Errorf("no probe: %v, want %q", err, without)
	}
}
