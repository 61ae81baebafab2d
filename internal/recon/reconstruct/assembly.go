package reconstruct

import (
	"errors"
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/scan/dataset"
	"ptyx/stitch"
)

// Assembly is a scan cut into batches, and the object that their patches become. It says what goes through the network together and where
// the patches belong; what runs the network, and in which order, is another's. The same Options make the same batches.
type Assembly struct {
	Channels int // C, patterns that the network takes at once
	N        int // size of a pattern and a patch

	scan   *dataset.Scan
	probe  *ndarray.Complex64
	groups [][]int // samples: patterns by their index in the scan
	batch  int     // samples in each batch but the last
	canvas *stitch.Canvas
}

// Assemble cuts a scan into batches for a model. The scan stays the caller's and open. What does not fit is a *badinput.Error.
func Assemble(scan *dataset.Scan, c contract.Contract, opt Options) (*Assembly, error) {
	if err := Fits(scan, c); err != nil {
		return nil, err
	}
	if opt.BatchSize < 1 {
		return nil, &badinput.Error{Key: "batch_size", Found: fmt.Sprint(opt.BatchSize), Expected: "1 or more"}
	}
	groups, err := grouping(scan, c, opt)
	if err != nil {
		return nil, err
	}
	canvas, err := stitch.NewCanvas(scan.X, scan.Y, c.N, Weights(c))
	if err != nil {
		return nil, ofScan(err, scan)
	}
	return &Assembly{Channels: c.Channels, N: c.N, scan: scan, probe: c.Probe, groups: groups, batch: min(opt.BatchSize, len(groups)), canvas: canvas}, nil
}

// Batches is their number.
func (a *Assembly) Batches() int { return (len(a.groups) + a.batch - 1) / a.batch }

// Samples is how many samples, of C patterns each, batch i has.
func (a *Assembly) Samples(i int) int { return len(a.of(i)) }

// of are the samples of batch i.
func (a *Assembly) of(i int) [][]int {
	return a.groups[i*a.batch : min((i+1)*a.batch, len(a.groups))]
}

// Size is how many values the patterns of batch i are, and its patches.
func (a *Assembly) Size(i int) int { return a.Samples(i) * a.Channels * a.N * a.N }

// Pass reads the patterns of an Assembly, once, from the first batch to the last.
type Pass struct {
	assembly *Assembly
	source   source
	lit      bool // some pattern has light
}

// Pass begins a pass. Single patterns are streamed in the file's order; groups of neighbours need patterns from all over the scan, which are
// read first.
func (a *Assembly) Pass() (*Pass, error) {
	source, err := a.source()
	if err != nil {
		return nil, err
	}
	return &Pass{assembly: a, source: source}, nil
}

// Read writes the patterns (B, C, N, N) of batch i into an array that holds as many values at least. A pass goes forward only.
func (p *Pass) Read(i int, into []float32) error {
	image, slot := p.assembly.N*p.assembly.N, 0
	for _, group := range p.assembly.of(i) {
		for _, id := range group {
			pattern := into[slot*image : (slot+1)*image]
			if err := p.source.read(id, pattern); err != nil {
				return err
			}
			p.lit = p.lit || slices.Max(pattern) > 0
			slot++
		}
	}
	return nil
}

// Dark complains, after the last batch, of a scan without any light.
func (p *Pass) Dark() error {
	if p.lit {
		return nil
	}
	a := p.assembly
	return &badinput.Error{File: a.scan.Path, Key: "diff3d", Found: fmt.Sprintf("no light in any of the %d patterns", len(a.groups)*a.Channels), Expected: "some"}
}

// Close ends the pass.
func (p *Pass) Close() { p.source.close() }

// Add stitches the patches (B, C, N, N) of batch i. Frames that were stitched before are passed over and counted. It may be called from several
// goroutines, for batches in any order: the sums are the same.
func (a *Assembly) Add(i int, patches []complex64) (repeated int, err error) {
	if want := a.Size(i); len(patches) != want {
		return 0, fmt.Errorf("stitching batch %d: %d values, expected %d", i, len(patches), want)
	}
	image, slot := a.N*a.N, 0
	for _, group := range a.of(i) {
		for _, id := range group {
			err := a.canvas.Add(a.patchID(i*a.batch*a.Channels+slot, id), a.scan.X[id], a.scan.Y[id], patches[slot*image:(slot+1)*image])
			switch {
			case errors.Is(err, stitch.ErrDuplicate):
				repeated++
			case err != nil:
				return repeated, fmt.Errorf("stitching pattern %d: %w", id, err)
			}
			slot++
		}
	}
	return repeated, nil
}

// patchID tells patches apart: by pattern, or, where groups share patterns, by place among all of them.
func (a *Assembly) patchID(place, pattern int) int {
	if a.Channels == 1 {
		return pattern
	}
	return place
}

// Result is the object of all that was added. provider names what computed.
func (a *Assembly) Result(provider string) *Result {
	r := ofCanvas(a.canvas, provider, a.probe)
	r.Patches = len(a.groups) * a.Channels
	seen := map[int]bool{}
	for _, group := range a.groups {
		for _, id := range group {
			if !seen[id] {
				seen[id] = true
				r.X, r.Y, r.IDs = append(r.X, a.scan.X[id]), append(r.Y, a.scan.Y[id]), append(r.IDs, int64(id))
			}
		}
	}
	return r
}
