package render

import (
	"image/color"
	"math"
)

// Colormap names a scale of 256 colours from the low end of a range to its high end. Equal steps of a value look equal.
type Colormap int

const (
	// Sequential is viridis: dark violet over green to yellow, for amplitudes and other positive values.
	Sequential Colormap = iota
	// Grey runs from black to white, as phase images are mostly printed.
	Grey
	// Diverging runs from blue over white to red, for differences around zero.
	Diverging
	// Cyclic is a circle of hues of one lightness, for wrapped phases: both ends have the same colour.
	Cyclic
)

// table is the list of colours.
func (m Colormap) table() *[256]color.RGBA {
	switch m {
	case Grey:
		return interpolated([]uint32{0x000000, 0xffffff})
	case Diverging:
		return interpolated([]uint32{0x2166ac, 0x92c5de, 0xf7f7f7, 0xf4a582, 0xb2182b})
	case Cyclic:
		return hues()
	default:
		return interpolated(viridis())
	}
}

// uncovered is the colour of pixels that no data determines, a bluish grey that no map holds.
func uncovered() color.RGBA { return color.RGBA{R: 0xc4, G: 0xca, B: 0xd4, A: 0xff} }

// viridis lists 17 even steps of the map (Smith and van der Walt, 2015, dedicated to the public domain). Linear
// interpolation between them stays within 6 of 255 of the full table.
func viridis() []uint32 {
	return []uint32{
		0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c,
		0x1fa088, 0x28ae80, 0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
	}
}

// interpolated runs linearly through even steps of 0xRRGGBB.
func interpolated(steps []uint32) *[256]color.RGBA {
	var m [256]color.RGBA
	for i := range m {
		t := float64(i) / 255 * float64(len(steps)-1)
		k := min(int(t), len(steps)-2)
		mix := func(shift int) uint8 {
			a, b := float64(steps[k]>>shift&0xff), float64(steps[k+1]>>shift&0xff)
			return uint8(math.Round(a + (t-float64(k))*(b-a)))
		}
		m[i] = color.RGBA{R: mix(16), G: mix(8), B: mix(0), A: 0xff}
	}
	return &m
}

// hues are colours of constant lightness and chroma in Oklab (Ottosson, 2020), with about the largest chroma that every
// hue has in sRGB at that lightness.
func hues() *[256]color.RGBA {
	const lightness, chroma = 0.74, 0.125
	var m [256]color.RGBA
	for i := range m {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / 255)
		m[i] = oklab(lightness, chroma*cos, chroma*sin)
	}
	m[255] = m[0]
	return &m
}

// oklab converts to sRGB.
func oklab(lightness, a, b float64) color.RGBA {
	cube := func(v float64) float64 { return v * v * v }
	l := cube(lightness + 0.3963377774*a + 0.2158037573*b)
	m := cube(lightness - 0.1055613458*a - 0.0638541728*b)
	s := cube(lightness - 0.0894841775*a - 1.2914855480*b)
	return color.RGBA{
		R: gamma(4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		G: gamma(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		B: gamma(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s),
		A: 0xff,
	}
}

// gamma is sRGB's transfer function.
func gamma(v float64) uint8 {
	v = min(max(v, 0), 1)
	if v <= 0.0031308 {
		v *= 12.92
	} else {
		v = 1.055*math.Pow(v, 1/2.4) - 0.055
	}
	return uint8(math.Round(255 * v))
}
