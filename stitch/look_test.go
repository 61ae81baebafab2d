package stitch_test

import (
	"testing"

	"ptyx/stitch"
)

// TestLook: a look at a part is that part of the object, beyond its border nothing, also after the canvas has moved.
func TestLook(t *testing.T) {
	s := randomScan(3, 16, 30)
	c, err := stitch.NewGrowing(s.n, gaussian(s.n))
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.x {
		if err := c.Cover(s.x[i:i+1], s.y[i:i+1], nil); err != nil {
			t.Fatal(err)
		}
		s.add(t, c, []int{i})
	}
	object, coverage := c.Object(), c.Coverage()
	top, left := c.Origin()
	height, width := c.Size()
	for _, step := range []int{1, 3} {
		rows, cols := height/step+8, width/step+8
		values, light := make([]complex64, rows*cols), make([]float32, rows*cols)
		values[0], light[0] = 1, 1 // of an earlier look
		c.Look(top-4, left-4, rows, cols, step, values, light)
		for i := range values {
			row, col := i/cols*step-4, i%cols*step-4
			wantValue, wantLight := complex64(0), float32(0)
			if row >= 0 && row < height && col >= 0 && col < width {
				wantValue, wantLight = object.Data[row*width+col], coverage.Data[row*width+col]
			}
			if values[i] != wantValue || light[i] != wantLight {
				t.Fatalf("step %d, row %d, column %d: %v with coverage %v, want %v with %v", step, row, col,
					values[i], light[i], wantValue, wantLight)
			}
		}
	}
}
