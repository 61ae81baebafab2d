package solve

import (
	"bytes"
	"cmp"
	"encoding/gob"
	"fmt"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/version"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
)

// roundPasses is the number of passes over a tile between two exchanges.
const roundPasses = 5

// Tiles solves a scan in tiles, which may be solved anywhere. A tile is a part of the patterns with the area of the
// object under them, so tiles overlap by the width of a pattern. In a round, each tile gets the object and the probe of
// all, and makes roundPasses passes over its patterns. Then the object is the mean over the tiles, weighted by the
// light that each tile has on a pixel, and the probe is the mean over all tiles, weighted by the light of their
// patterns.
//
// The result of a tile depends on its plan, the round, the object and the probe alone.
type Tiles struct {
	*state
	tiles []tile
}

// tile is a part of the patterns.
type tile struct {
	ids   []int
	box   frame.Box
	power float64 // of its patterns
}

// NewTiles cuts a scan into tiles of nearly as many patterns each.
func NewTiles(p Problem, o Options, count int) (*Tiles, error) {
	s, err := newState(p, o)
	if err != nil {
		return nil, err
	}
	t := &Tiles{state: s}
	for _, ids := range divide(s.x, s.y, upTo(len(s.x)), count) {
		part := p.Selected(ids)
		own := tile{ids: ids, box: frame.Cover(part.X, part.Y, s.n)}
		for _, id := range ids {
			own.power += s.powers[id]
		}
		if own.power > 0 { // one without light says nothing
			t.tiles = append(t.tiles, own)
		}
	}
	return t, nil
}

// divide cuts patterns in count parts, across the longer side of their area each time.
func divide(x, y []float64, ids []int, count int) [][]int {
	count = min(count, len(ids))
	if count <= 1 {
		slices.Sort(ids)
		return [][]int{ids}
	}
	along, other := x, y
	if extent(y, ids) > extent(x, ids) {
		along, other = y, x
	}
	slices.SortFunc(ids, func(a, b int) int {
		return cmp.Or(cmp.Compare(along[a], along[b]), cmp.Compare(other[a], other[b]), cmp.Compare(a, b))
	})
	first := count / 2
	middle := len(ids) * first / count
	return append(divide(x, y, slices.Clone(ids[:middle]), first),
		divide(x, y, slices.Clone(ids[middle:]), count-first)...)
}

func extent(v []float64, ids []int) float64 {
	low, high := v[ids[0]], v[ids[0]]
	for _, id := range ids {
		low, high = min(low, v[id]), max(high, v[id])
	}
	return high - low
}

// Count is the number of tiles.
func (t *Tiles) Count() int { return len(t.tiles) }

// Rounds is the number of rounds, at least Passes passes.
func (t *Tiles) Rounds() int { return (t.options.Passes + roundPasses - 1) / roundPasses }

// tileMagic is the beginning of a plan.
const tileMagic = "PTXT1\n"

// tilePlan is what a tile is made of, as a worker receives it.
type tilePlan struct {
	Version   string // of ptyx
	N, Rounds int
	Options   Options
	Scale     float64    // of the complete scan's patterns
	HasObject bool       // the first round starts from an object that was given
	Start     [2]float64 // y, x: centre of the complete scan's probe, around which its support lies
	X, Y      []float64
	Measured  []bool
	Patterns  []dataset.Packed
}

// IsTilePlan reports whether a worker's plan is that of a tile.
func IsTilePlan(plan []byte) bool { return bytes.HasPrefix(plan, []byte(tileMagic)) }

// Plan has all that OpenTile needs of a tile, its patterns included.
func (t *Tiles) Plan(i int) ([]byte, error) {
	own := t.tiles[i]
	p := tilePlan{
		Version: version.String, N: t.n, Rounds: t.Rounds(), Options: t.options, Scale: t.scale,
		HasObject: t.hasObject, Measured: t.measured, Start: [2]float64{t.start.y, t.start.x},
	}
	p.Options.Resume, p.Options.Checkpoint = "", ""
	pattern := make([]float32, t.n*t.n)
	for _, id := range own.ids {
		if err := t.patterns.Read(id, pattern); err != nil {
			return nil, err
		}
		p.X, p.Y, p.Patterns = append(p.X, t.x[id]), append(p.Y, t.y[id]), append(p.Patterns, dataset.Pack(pattern))
	}
	out := bytes.NewBufferString(tileMagic)
	err := gob.NewEncoder(out).Encode(p)
	return out.Bytes(), err
}

// Parameters are the object under a tile and the probe: real and imaginary part of each.
func (t *Tiles) Parameters(i int) []float32 {
	box := t.tiles[i].box
	size := box.Height() * box.Width()
	out := make([]float32, 2*size, 2*size+2*len(t.probeRe.Data))
	t.rows(box, func(inObject, inTile, width int) {
		copy(out[inTile:][:width], t.object.re[inObject:])
		copy(out[size+inTile:][:width], t.object.im[inObject:])
	})
	return append(append(out, t.probeRe.Data...), t.probeIm.Data...)
}

// rows calls do with the first elements of each row of a box, in the object and in an image of the box.
func (t *Tiles) rows(box frame.Box, do func(inObject, inTile, width int)) {
	for row := range box.Height() {
		do((row+box.Top-t.box.Top)*t.object.width+box.Left-t.box.Left, row*box.Width(), box.Width())
	}
}

// Take makes object and probe of the results of a round, one of each tile.
func (t *Tiles) Take(round int, results [][]float32) (Pass, error) {
	light, _ := t.light()
	weight := make([]float32, len(t.object.re))
	object, probe := newPlane(t.box), newPairs(len(t.probeRe.Data))
	squares, power := 0.0, 0.0
	for i, own := range t.tiles {
		size := own.box.Height() * own.box.Width()
		values := results[i]
		if len(values) != 1+2*size+2*len(probe.re) {
			return Pass{}, fmt.Errorf("tile %d has %d values, expected %d", i, len(values), 1+2*size+2*len(probe.re))
		}
		squares, power = squares+float64(values[0])*own.power, power+own.power
		values = values[1:]
		illumination := t.illumination(own, light)
		t.rows(own.box, func(inObject, inTile, width int) {
			for c := range width {
				w := illumination[inTile+c]
				weight[inObject+c] += w
				object.re[inObject+c] += w * values[inTile+c]
				object.im[inObject+c] += w * values[size+inTile+c]
			}
		})
		for q := range probe.re {
			probe.re[q] += float32(own.power/t.power) * values[2*size+q]
			probe.im[q] += float32(own.power/t.power) * values[2*size+len(probe.re)+q]
		}
	}
	for i, w := range weight {
		if w > 0 {
			t.object.re[i], t.object.im[i] = object.re[i]/w, object.im[i]/w
		}
	}
	copy(t.probeRe.Data, probe.re)
	copy(t.probeIm.Data, probe.im)
	t.keepPower()
	t.centreProbe()
	pass := Pass{Number: min((round+1)*roundPasses, t.options.Passes), Residual: squares / power, Batches: len(t.tiles)}
	t.history = append(t.history, pass)
	return pass, nil
}

// illumination is the light of a tile's patterns on its box.
func (t *Tiles) illumination(own tile, light []float32) []float32 {
	width := own.box.Width()
	out := make([]float32, own.box.Height()*width)
	for _, id := range own.ids {
		row, col := own.box.Offset(t.x[id], t.y[id], t.n)
		for r := range t.n {
			add(out[(row+r)*width+col:][:t.n], light[r*t.n:][:t.n])
		}
	}
	return out
}

// Finish makes a solution of the object and the probe, with one run over all patterns. EPIE needs no engine.
func (t *Tiles) Finish(e engine.Engine) (*Solution, error) {
	m, err := methods[t.options.Method].new(t.state, e)
	if err != nil {
		return nil, err
	}
	solution, err := t.state.finish(m)
	if closed := m.close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	if !solution.finite() {
		return nil, diverged(t.options.Passes, solution.Residual)
	}
	solution.History = t.history
	return solution, nil
}
