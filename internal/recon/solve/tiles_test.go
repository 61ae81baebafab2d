package solve

import (
	"slices"
	"testing"
)

// inTiles solves a problem in tiles, each with the given threads, in this or in the opposite order.
func inTiles(t *testing.T, p Problem, o Options, count, threads int, backwards bool) *Solution {
	t.Helper()
	tiles, err := NewTiles(p, o, count)
	if err != nil {
		t.Fatal(err)
	}
	open := func(i int) *Tile {
		plan, err := tiles.Plan(i)
		if err != nil {
			t.Fatal(err)
		}
		tile, err := OpenTile(t.Context(), plan, threads, fast(t, threads))
		if err != nil {
			t.Fatal(err)
		}
		return tile
	}
	var parts []*Tile
	for i := range tiles.Count() {
		parts = append(parts, open(i))
	}
	for round := range tiles.Rounds() {
		results := make([][]float32, len(parts))
		for k := range parts {
			i := k
			if backwards {
				i = len(parts) - 1 - k
				if err := parts[i].Close(); err != nil { // a worker that died
					t.Fatal(err)
				}
				parts[i] = open(i)
			}
			if results[i], err = parts[i].Compute(round, 0, tiles.Parameters(i)); err != nil {
				t.Fatal(err)
			}
		}
		pass, err := tiles.Take(round, results)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(pass)
	}
	for _, part := range parts {
		if err := part.Close(); err != nil {
			t.Error(err)
		}
	}
	s, err := tiles.Finish(fast(t, o.Threads))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTilesFindTheObjectOfTheCompleteScan, and give the same bytes on workers that have more threads, take tiles in
// another order and know nothing of earlier rounds.
func TestTilesFindTheObjectOfTheCompleteScan(t *testing.T) {
	p, truth := simulated(t, 160, 1e6)
	p.Probe = defocused(p.Probe, 0.01)
	o := usual()
	want := correlation(t, solved(t, p, o), truth)
	s := inTiles(t, p, o, 4, 1, false)
	got := correlation(t, s, truth)
	t.Log(want, got, s.Residual)
	if !(got > want-0.01) {
		t.Errorf("in tiles, the correlation is %.4f, of the complete scan %.4f", got, want)
	}
	again := inTiles(t, p, o, 4, 3, true)
	if !slices.Equal(s.Object.Data, again.Object.Data) || !slices.Equal(s.Probe.Data, again.Probe.Data) {
		t.Error("other workers find another object")
	}
}

// TestTilesHaveTheSupportOfTheCompleteScan, wherever the light of its probe is: the probe with which a tile is prepared
// has no centre.
func TestTilesHaveTheSupportOfTheCompleteScan(t *testing.T) {
	p, _ := simulated(t, 12, 1e6)
	o := usual()
	o.ProbeSupport = 0.5
	tiles, err := NewTiles(p, o, 2)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := tiles.Plan(1)
	if err != nil {
		t.Fatal(err)
	}
	tile, err := OpenTile(t.Context(), plan, 1, fast(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer tile.Close()
	if !slices.Equal(tile.support, tiles.support) {
		t.Error("the support of a tile is not that of the scan")
	}
}
