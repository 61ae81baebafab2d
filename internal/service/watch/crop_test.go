package watch

import (
	"context"
	"fmt"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// TestPositionsOfACroppedDetector, in the frames' files or in their own, are those that infer takes of the same view.
func TestPositionsOfACroppedDetector(t *testing.T) {
	const count = 5
	view := dataset.View{Crop: dataset.Crop{Size: n, Centred: true}, FlipX: true}
	small := scanData(count)
	d := dataset.ScanData{Patterns: ndarray.New[float32](count, 2*n, 2*n)}
	for i, v := range small.Patterns.Data {
		frame, row, col := i/image, i%image/n, i%n
		d.Patterns.Data[(frame*2*n+row+n/2)*2*n+col+n/2] = v
	}
	for i := range small.X {
		d.X, d.Y = append(d.X, 2*small.X[i]), append(d.Y, 2*small.Y[i])
	}
	frame := func(i int) []npz.Member {
		return []npz.Member{
			{Key: "diff3d", Value: ndarray.Wrap(d.Patterns.Data[i*4*image:(i+1)*4*image], 1, 2*n, 2*n)},
			{Key: "xcoords", Value: d.X[i : i+1]}, {Key: "ycoords", Value: d.Y[i : i+1]},
			{Key: "ids", Value: []int64{int64(i)}},
		}
	}
	for _, list := range []bool{false, true} {
		r := watching(t)
		r.o.Read.View.Crop, r.o.Read.View.FlipX = view.Crop, view.FlipX
		var last *reconstruct.Result
		r.o.Save = func(result *reconstruct.Result) error { last = result; return nil }
		if list {
			r.o.Positions = r.path("places.csv")
			put(t, r.o.Positions, csvOf(d, []int{0, 1, 2, 3, 4}))
		}
		for i := range count {
			m := frame(i)
			if list {
				m = patternsOnly(m)
			}
			write(t, r.path(fmt.Sprintf("%d.npz", i)), m)
		}
		if _, err := Run(context.Background(), r.o); err != nil {
			t.Fatal(err)
		}
		if last == nil || len(last.X) != count || last.Scale.X != 2 || last.Scale.Y != 2 {
			t.Fatalf("positions of a list: %v; result %+v", list, last)
		}
		for i := range count {
			if last.X[i] != -small.X[i] || last.Y[i] != small.Y[i] {
				t.Errorf("positions of a list: %v; frame %d at (%v, %v), want (%v, %v)",
					list, i, last.X[i], last.Y[i], -small.X[i], small.Y[i])
			}
		}
	}
}
