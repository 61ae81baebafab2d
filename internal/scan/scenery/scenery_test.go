package scenery_test

import (
	"math"
	"math/cmplx"
	"testing"

	"ptyx/internal/scan/scenery"
)

func TestStepIsTheErrorFunction(t *testing.T) {
	t.Parallel()
	for d := -7.0; d <= 7; d += 0.0007 {
		if got, want := scenery.Step(d), 0.5*(1+math.Erf(d)); !(math.Abs(got-want) < 2e-10) {
			t.Fatalf("a step at %g is %g, want %g", d, got, want)
		}
	}
	if v := scenery.Step(math.NaN()); v != 0 {
		t.Errorf("a step at NaN is %g", v)
	}
}

// TestShapesHaveTheirArea: the sum over a soft edge is that of a sharp one. Shapes that leave the canvas are cut.
func TestShapesHaveTheirArea(t *testing.T) {
	t.Parallel()
	const radius, long, short, half, length = 9.3, 12.2, 5.4, 2.5, 20.0
	const disc = math.Pi * radius * radius
	for name, c := range map[string]struct {
		draw func(*scenery.Canvas)
		area float64
	}{
		"disc":     {func(c *scenery.Canvas) { c.Disc(31.2, 30.7, radius, scenery.Add(1)) }, disc},
		"cut disc": {func(c *scenery.Canvas) { c.Disc(-0.5, 30.7, radius, scenery.Add(1)) }, disc / 2},
		"ball":     {func(c *scenery.Canvas) { c.Ball(31.2, 30.7, radius, 1) }, disc * 2 / 3},
		"box":      {func(c *scenery.Canvas) { c.Box(31.2, 30.7, short, long, 0.4, scenery.Add(1)) }, 4 * short * long},
		"segment": {func(c *scenery.Canvas) { c.Segment(20, 25, 20+0.6*length, 25+0.8*length, half, scenery.Add(1)) },
			2*half*length + math.Pi*half*half},
		"line": {func(c *scenery.Canvas) { c.Line(31.5, 31.5, 0, half, scenery.Add(1)) }, 2 * half * 64},
	} {
		for _, sharp := range []float64{1, 2} {
			canvas := scenery.NewCanvas(64, 64)
			canvas.Sharpness = sharp
			c.draw(canvas)
			sum := 0.0
			for _, v := range canvas.Data {
				sum += v
			}
			if math.Abs(sum/c.area-1) > 0.02 {
				t.Errorf("%s of sharpness %g: area %g, want %g", name, sharp, sum, c.area)
			}
		}
	}
}

// TestPaint: one paint adds, the other replaces.
func TestPaint(t *testing.T) {
	t.Parallel()
	canvas := scenery.NewCanvas(40, 40)
	canvas.Disc(20, 20, 15, scenery.Add(0.5))
	canvas.Disc(20, 20, 15, scenery.Add(0.4))
	if v := canvas.Data[20*40+20]; math.Abs(v-0.9) > 1e-9 {
		t.Errorf("thickness %g", v)
	}
	canvas.Disc(20, 20, 8, scenery.Cover(0.2))
	if v := canvas.Data[20*40+20]; math.Abs(v-0.2) > 1e-9 {
		t.Errorf("covered thickness %g", v)
	}
	if v := canvas.Data[20*40+8]; math.Abs(v-0.9) > 1e-4 {
		t.Errorf("thickness %g beside the cover", v)
	}
	canvas.Saturate()
	if v := canvas.Data[20*40+20]; math.Abs(v-math.Tanh(0.2)) > 1e-9 {
		t.Errorf("saturated thickness %g", v)
	}
}

// TestPupil: light between stop and border, with the phases of the defocus and of each aberration at its border.
func TestPupil(t *testing.T) {
	t.Parallel()
	p := scenery.Pupil{Radius: 20, Stop: 6, Sharpness: 2}
	for _, c := range []struct{ ky, kx, want float64 }{{0, 0, 0}, {10, 3, 1}, {0, -20, 0.5}, {17, 17, 0}} {
		if got := cmplx.Abs(p.At(c.ky, c.kx)); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("(%g, %g): %g, want %g", c.ky, c.kx, got, c.want)
		}
	}
	p.Stop, p.Square = 0, true
	if got := cmplx.Abs(p.At(17, 17)); math.Abs(got-1) > 1e-6 {
		t.Errorf("corner of a square pupil: %g", got)
	}
	for name, c := range map[string]struct {
		pupil  scenery.Pupil
		ky, kx float64
		want   float64
	}{
		"defocus":     {scenery.Pupil{Radius: 30, Defocus: 0.01}, 6, 8, -1},
		"astigmatism": {scenery.Pupil{Radius: 10, Astigmatism: [2]float64{0.7, 0}}, 0, 5, 0.7 / 4},
		"oblique":     {scenery.Pupil{Radius: 10, Astigmatism: [2]float64{0, 0.7}}, 5, 5, 0.7 / 2},
		"coma":        {scenery.Pupil{Radius: 10, Coma: [2]float64{0.8, 0}}, 0, 5, 0.8 / 8},
		"upright":     {scenery.Pupil{Radius: 10, Coma: [2]float64{0, 0.8}}, 5, 0, 0.8 / 8},
		"spherical":   {scenery.Pupil{Radius: 10, Spherical: 0.8}, 5, 0, 0.8 / 16},
	} {
		if got := cmplx.Phase(c.pupil.At(c.ky, c.kx)); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: phase %g, want %g", name, got, c.want)
		}
	}
}
