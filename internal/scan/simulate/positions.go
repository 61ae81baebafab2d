package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// ScanKind names an order of positions.
type ScanKind string

// The scan patterns.
const (
	Raster ScanKind = "raster" // rows and columns, each position off by up to a fifth of a step
	Fermat ScanKind = "fermat" // Fermat spiral: even, without the raster's repetition
	Random ScanKind = "random"
)

// UnmarshalText reads a kind from a flag.
func (k *ScanKind) UnmarshalText(text []byte) error {
	switch ScanKind(text) {
	case Raster, Fermat, Random:
		*k = ScanKind(text)
		return nil
	}
	return fmt.Errorf("found %q, expected raster, fermat or random", text)
}

// Positions are the centres of count patterns, step pixels apart on average, around (0, 0).
func Positions(kind ScanKind, count int, step float64, seed uint64) (x, y []float64, err error) {
	rng := rand.New(rand.NewPCG(seed, streamPositions))
	side := math.Sqrt(float64(count)) * step
	columns := int(math.Ceil(math.Sqrt(float64(count))))
	for i := range count {
		var px, py float64
		switch kind {
		case Raster:
			jitter := func() float64 { return step * 0.4 * (rng.Float64() - 0.5) }
			px = (float64(i%columns)-float64(columns-1)/2)*step + jitter()
			py = (float64(i/columns)-float64(columns-1)/2)*step + jitter()
		case Fermat:
			golden := math.Pi * (3 - math.Sqrt(5))
			r := step * math.Sqrt(float64(i)/math.Pi)
			py, px = math.Sincos(float64(i) * golden)
			py, px = py*r, px*r
		case Random:
			px, py = side*(rng.Float64()-0.5), side*(rng.Float64()-0.5)
		default:
			return nil, nil, fmt.Errorf("scan %q is not known", kind)
		}
		x, y = append(x, px), append(y, py)
	}
	return x, y, nil
}
