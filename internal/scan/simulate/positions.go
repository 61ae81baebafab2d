package simulate

import (
	"math"
	"math/rand/v2"

	"ptyx/internal/base/stream"
)

// ScanKind names an order of positions.
type ScanKind string

// The kinds of scan.
const (
	Raster ScanKind = "raster" // rows and columns, each position off by up to a fifth of a step
	Fermat ScanKind = "fermat" // Fermat spiral: even, without the raster's repetition
	Random ScanKind = "random"
)

// scans give position i of count around (0, 0), step pixels apart on average.
var scans = table[ScanKind, func(i, count int, step float64, rng *rand.Rand) (x, y float64)]{
	{Raster, raster}, {Fermat, fermat}, {Random, random},
}

// UnmarshalText reads a kind from a flag.
func (k *ScanKind) UnmarshalText(text []byte) error { return scans.parse(text, k) }

// Positions are the centres of count patterns, step pixels apart on average, around (0, 0).
func Positions(kind ScanKind, count int, step float64, seed uint64) (x, y []float64, err error) {
	position, err := scans.find(kind)
	if err != nil {
		return nil, nil, err
	}
	rng := stream.New(seed, "simulate/positions")
	x, y = make([]float64, count), make([]float64, count)
	for i := range count {
		x[i], y[i] = position(i, count, step, rng)
	}
	return x, y, nil
}

func raster(i, count int, step float64, rng *rand.Rand) (x, y float64) {
	columns := int(math.Ceil(math.Sqrt(float64(count))))
	at := func(index int) float64 {
		return (float64(index)-float64(columns-1)/2)*step + step*0.4*(rng.Float64()-0.5)
	}
	x = at(i % columns)
	return x, at(i / columns)
}

func fermat(i, _ int, step float64, _ *rand.Rand) (x, y float64) {
	golden := math.Pi * (3 - math.Sqrt(5))
	r := step * math.Sqrt(float64(i)/math.Pi)
	sin, cos := math.Sincos(float64(i) * golden)
	return cos * r, sin * r
}

func random(_, count int, step float64, rng *rand.Rand) (x, y float64) {
	side := math.Sqrt(float64(count)) * step
	x = side * (rng.Float64() - 0.5)
	return x, side * (rng.Float64() - 0.5)
}
