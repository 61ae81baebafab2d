package metrics

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Resolution is how far two reconstructions of one object, each from half of the data, agree. Both thresholds of the
// FRC allow for this: they state the resolution of the object that all of the data give. At 1/7, that object would
// correlate with the truth by 1/2 (Rosenthal and Henderson, J. Mol. Biol. 333, 721, 2003); Expected is this estimate
// for every ring. What both halves get wrong alike, such as a wrong pixel size, no curve shows.
type Resolution struct {
	FRC      FRC       `json:"frc"`
	Expected []float64 `json:"expected"` // of each ring: FRC of all of the data with the truth
	Local    *Local    `json:"-"`        // nil: the common area is smaller than a tile
}

// Local is a map of the resolution.
type Local struct {
	HalfPeriod *ndarray.Float32 // (H, W), in pixels, at half a bit; 0 where the object is poorly covered
	Row, Col   int              // of HalfPeriod[0, 0] in the frame
	Tile       int              // side of a tile, in pixels
}

// NewResolution registers the reconstruction a on b and correlates them: the central region that opt selects, and tiles
// of everything that both cover. It fails as Align does.
func NewResolution(a, b Image, opt Options) (*Resolution, error) {
	pair, err := Align(a, b, opt)
	if err != nil {
		return nil, err
	}
	r := &Resolution{FRC: ringCorrelation(pair.Recon, pair.Reference, pair.Mask, opt.PixelSizeNM)}
	for _, c := range r.FRC.Correlation {
		r.Expected = append(r.Expected, math.Sqrt(max(0, 2*c/(1+c))))
	}
	everywhere := opt
	everywhere.Region = 1
	if pair, err = Align(a, b, everywhere); err != nil {
		return nil, err
	}
	r.Local = pair.local()
	return r, nil
}

// Tiles of a map of resolution.
const (
	largestTile = 64
	leastTile   = 32   // a ring of a smaller one has too few samples
	tileStep    = 4    // steps to a tile
	tileCovered = 0.75 // share of a tile's pixels that must be covered
)

// local computes the map from overlapping tiles. A pixel has the mean frequency of the tiles over it.
func (a *Aligned) local() *Local {
	h, w := a.Region.Height, a.Region.Width
	side := spectrum.Smooth(min(largestTile, max(leastTile, min(h, w)/3)))
	if min(h, w) < side {
		return nil
	}
	out := &Local{HalfPeriod: ndarray.New[float32](h, w), Row: a.Region.Row, Col: a.Region.Col, Tile: side}
	sum, count := make([]float64, h*w), make([]float64, h*w)
	for top := 0; top+side <= h; top += side / tileStep {
		for left := 0; left+side <= w; left += side / tileStep {
			frequency := a.tile(top, left, side)
			if frequency == 0 {
				continue
			}
			for i := range side * side {
				at := (top+i/side)*w + left + i%side
				sum[at], count[at] = sum[at]+frequency, count[at]+1
			}
		}
	}
	for i, n := range count {
		if n > 0 && a.Mask[i] {
			out.HalfPeriod.Data[i] = float32(n / (2 * sum[i]))
		}
	}
	return out
}

// tile is the frequency at half a bit of side x side pixels, in cycles per pixel; 0 where they are poorly covered. If
// nothing is resolved, it is the lowest frequency that the tile can show.
func (a *Aligned) tile(top, left, side int) float64 {
	mask, covered := make([]bool, side*side), 0
	for i := range mask {
		if mask[i] = a.Mask[(top+i/side)*a.Region.Width+left+i%side]; mask[i] {
			covered++
		}
	}
	if float64(covered) < tileCovered*float64(len(mask)) {
		return 0
	}
	cut := func(f *spectrum.Field) *spectrum.Field { return f.Crop(top, left, side, side) }
	return ringCorrelation(cut(a.Recon), cut(a.Reference), mask, 0).AtHalfBit.Frequency
}
