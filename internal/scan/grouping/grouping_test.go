package grouping

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/stream"
	"ptyx/internal/scan/dataset"
)

// raster is a w by h grid of unit steps: every distance occurs many times.
func raster(w, h int) (x, y []float64) {
	for i := range w * h {
		x, y = append(x, float64(i%w)), append(y, float64(i/w))
	}
	return x, y
}

func TestNeighbourhoodAgainstAllPairs(t *testing.T) {
	rx, ry := raster(13, 11)
	one := make([]float64, 40)
	for name, at := range map[string][2][]float64{
		"random":    {random(300, 100), reversed(random(300, 80))},
		"raster":    {rx, ry},
		"line":      {random(50, 9), make([]float64, 50)},
		"one point": {one, one},
	} {
		x, y := at[0], at[1]
		const count = 7
		tree := newNeighbourhood(x, y, count)
		for i := range x {
			var all []neighbour
			for j := range x {
				if dx, dy := x[j]-x[i], y[j]-y[i]; j != i {
					all = append(all, neighbour{dx*dx + dy*dy, j})
				}
			}
			slices.SortFunc(all, neighbour.compare)
			var want []int
			for _, n := range all[:count] {
				want = append(want, n.id)
			}
			if got := tree.of(i); !slices.Equal(got, want) {
				t.Fatalf("%s: neighbours of %d are %v, want %v", name, i, got, want)
			}
		}
	}
}

// nearest makes the groups of a scan of positions.
func nearest(x, y []float64, o Options) ([][]int, error) {
	return Of(&dataset.Scan{Path: "scan.npz", M: len(x), X: x, Y: y}, o)
}

func TestNearest(t *testing.T) {
	x, y := raster(20, 15)
	for _, gridsize := range []int{2, 3} {
		neighbours := DefaultNeighbours(gridsize)
		groups, err := nearest(x, y, Options{Gridsize: gridsize, Seed: 3})
		if err != nil || len(groups) != len(x) {
			t.Fatal(len(groups), err)
		}
		near := newNeighbourhood(x, y, neighbours)
		for seed, g := range groups {
			if len(g) != gridsize*gridsize || !slices.Contains(g, seed) {
				t.Fatalf("group of %d: %v", seed, g)
			}
			allowed := append(near.of(seed), seed)
			for i, id := range g {
				if !slices.Contains(allowed, id) || slices.Contains(g[:i], id) {
					t.Fatalf("group of %d: %v, neighbours %v", seed, g, allowed)
				}
			}
			checkRowMajor(t, g, x, y, gridsize)
		}
		again, err := nearest(x, y, Options{Gridsize: gridsize, Seed: 3})
		if err != nil || !reflect.DeepEqual(groups, again) {
			t.Errorf("gridsize %d: the same seed gave other groups (%v)", gridsize, err)
		}
		other, err := nearest(x, y, Options{Gridsize: gridsize, Neighbours: neighbours, Seed: 4})
		if err != nil || reflect.DeepEqual(groups, other) {
			t.Errorf("gridsize %d: another seed gave the same groups (%v)", gridsize, err)
		}
	}
}

// checkRowMajor expects rows not above those before them, and in a row columns that increase.
func checkRowMajor(t *testing.T, g []int, x, y []float64, gridsize int) {
	t.Helper()
	lowest := math.Inf(-1)
	for row := range slices.Chunk(g, gridsize) {
		for i, id := range row {
			if y[id] < lowest || i > 0 && x[id] < x[row[i-1]] {
				t.Fatalf("group %v is not row-major", g)
			}
		}
		for _, id := range row {
			lowest = max(lowest, y[id])
		}
	}
}

func TestASquareIsNumberedRowByRow(t *testing.T) {
	x, y := []float64{11, 0.5, 10, 0}, []float64{10.5, 11, 0, 1} // bottom-right, bottom-left, top-right, top-left
	groups, err := nearest(x, y, Options{Gridsize: 2, Neighbours: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if !slices.Equal(g, []int{3, 2, 1, 0}) {
			t.Errorf("got %v", g)
		}
	}
}

func TestNearestRefuses(t *testing.T) {
	x, y := raster(2, 2)
	for name, f := range map[string]func() ([][]int, error){
		"gridsize": func() ([][]int, error) { return nearest(x, y, Options{}) },
		"patterns": func() ([][]int, error) { return nearest(x[:3], y[:3], Options{Gridsize: 2}) },
		// three others in all
		"oversample": func() ([][]int, error) { return nearest(x, y, Options{Gridsize: 2, Oversample: 2}) },
		"singles":    func() ([][]int, error) { return nearest(x, y, Options{Gridsize: 1, Oversample: 2}) },
		"neighbours": func() ([][]int, error) { return nearest(x, y, Options{Gridsize: 2, Neighbours: 2}) },
	} {
		if g, err := f(); err == nil {
			t.Errorf("%s: got %v", name, g)
		}
	}
	if g, err := nearest(x, y, Options{Gridsize: 1, Neighbours: 1}); err != nil || !reflect.DeepEqual(g, Singles(4)) {
		t.Errorf("gridsize 1: %v, %v", g, err)
	}
}

// TestOversampledGroupsDiffer: of every position as many as asked for, up to all that there are, the first as without.
func TestOversampledGroupsDiffer(t *testing.T) {
	x, y := raster(9, 7)
	m := len(x)
	one, err := nearest(x, y, Options{Gridsize: 2, Neighbours: 5, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, times := range []int{2, 3, 10} { // three of five neighbours: ten ways
		groups, err := nearest(x, y, Options{Gridsize: 2, Neighbours: 5, Oversample: times, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) != times*m || !reflect.DeepEqual(groups[:m], one) {
			t.Fatalf("%d groups a position: %d in all, the first of position 0 is %v, alone %v", times, len(groups),
				groups[0], one[0])
		}
		near := newNeighbourhood(x, y, 5)
		for i := range m {
			seen := map[string]bool{}
			for k := range times {
				g := groups[k*m+i]
				checkRowMajor(t, g, x, y, 2)
				for _, id := range g {
					if id != i && !slices.Contains(near.of(i), id) {
						t.Fatalf("group of %d: %v", i, g)
					}
				}
				seen[fmt.Sprint(slices.Sorted(slices.Values(g)))] = true
			}
			if len(seen) != times {
				t.Fatalf("position %d has %d different groups, want %d", i, len(seen), times)
			}
		}
		again, err := nearest(x, y, Options{Gridsize: 2, Neighbours: 5, Oversample: times, Seed: 3})
		if err != nil || !reflect.DeepEqual(again, groups) {
			t.Errorf("the same seed gave other groups (%v)", err)
		}
	}
}

func TestChoices(t *testing.T) {
	for _, c := range []struct{ n, k, want int }{{5, 3, 10}, {4, 3, 4}, {3, 3, 1}, {2, 3, 0}, {1, 3, 0}, {7, 0, 1},
		{9, 8, 9}, {60, 30, 1000}} {
		if got := choices(c.n, c.k, 1000); got != c.want {
			t.Errorf("%d of %d: %d ways, want %d", c.k, c.n, got, c.want)
		}
	}
}

func TestScanRefusesGroupsItCannotGive(t *testing.T) {
	x, y := raster(3, 2)
	for key, g := range map[string]Options{
		"xcoords": {Gridsize: 3}, "oversample": {Gridsize: 2, Oversample: 5},
	} {
		var bad *badinput.Error
		if _, err := nearest(x, y, g); !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%+v: error %v", g, err)
		}
	}
	// Of six positions no more than five are neighbours, whatever is asked for: three of them, ten ways.
	if groups, err := nearest(x, y, Options{Gridsize: 2, Neighbours: 50, Oversample: 10}); err != nil ||
		len(groups) != 60 {
		t.Errorf("%d groups (%v)", len(groups), err)
	}
}

func TestOverlapping(t *testing.T) {
	x, y := []float64{0, 8, 100, 9, 200}, []float64{5, 5, 5, 70, 5}
	groups := [][]int{{0, 1}, {0, 2}, {1, 0, 3}, {4}, {2, 4}}
	for _, tt := range []struct {
		reach float64
		want  [][]int
	}{
		{7, [][]int{{4}}},
		{8, [][]int{{0, 1}, {4}}},
		{65, [][]int{{0, 1}, {1, 0, 3}, {4}}},
		{100, groups},
	} {
		if got := Overlapping(groups, x, y, tt.reach); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("reach %g: %v, want %v", tt.reach, got, tt.want)
		}
	}
	if len(groups) != 5 || groups[1][1] != 2 {
		t.Errorf("the groups given have changed: %v", groups)
	}
}

func TestSample(t *testing.T) {
	all := Singles(100)
	for _, n := range []int{-1, 0, 100, 101} {
		if got := Sample(all, n, stream.New(5, "test")); !reflect.DeepEqual(got, all) {
			t.Errorf("n %d: %d groups", n, len(got))
		}
	}
	got := Sample(all, 30, stream.New(5, "test"))
	if len(got) != 30 || !increasing(got) {
		t.Errorf("got %v", got)
	}
	same, other := Sample(all, 30, stream.New(5, "test")), Sample(all, 30, stream.New(6, "test"))
	if !reflect.DeepEqual(got, same) || reflect.DeepEqual(got, other) {
		t.Error("the seed does not decide")
	}
}

// increasing reports whether single-pattern groups keep their order without repetition.
func increasing(groups [][]int) bool {
	for i, g := range groups[1:] {
		if g[0] <= groups[i][0] {
			return false
		}
	}
	return true
}

func reversed(v []float64) []float64 {
	slices.Reverse(v)
	return v
}

// random are n numbers in [0, scale), the same every time.
func random(n int, scale float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, n)
	for i := range v {
		v[i] = scale * rng.Float64()
	}
	return v
}

// BenchmarkNearest groups 50 000 positions of a raster by four.
func BenchmarkNearest(b *testing.B) {
	x, y := raster(250, 200)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nearest(x, y, Options{Gridsize: 2, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestApart: each position that is left out is near an earlier one that is kept, and no two that are kept are near.
func TestApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var x, y []float64
	for range 300 {
		x, y = append(x, 40*rng.Float64()-20), append(y, 40*rng.Float64()-20)
	}
	const least = 3.0
	kept := Apart(x, y, least)
	near := func(i, j int) bool { return math.Hypot(x[i]-x[j], y[i]-y[j]) < least }
	for i := range x {
		earlier := slices.ContainsFunc(kept, func(j int) bool { return j < i && near(i, j) })
		if slices.Contains(kept, i) == earlier {
			t.Errorf("position %d: kept, or near an earlier one that is kept: both or neither", i)
		}
	}
}
