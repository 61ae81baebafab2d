package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
)

// csvOf are the positions of some frames.
func csvOf(d dataset.ScanData, ids []int) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "%d, %v, %v\n", id, d.X[id], d.Y[id])
	}
	return b.String()
}

// patternsOnly are members without positions.
func patternsOnly(m []npz.Member) []npz.Member {
	return slices.DeleteFunc(m, func(one npz.Member) bool { return one.Key == "xcoords" || one.Key == "ycoords" })
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFramesWaitForTheirPositions: patterns and positions come in different orders, before or after each other.
func TestFramesWaitForTheirPositions(t *testing.T) {
	const count = 8
	d := scanData(count)
	want := inferred(t, d, count)
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 7))
		r := watching(t)
		list := r.path([]string{"places.csv", "places.npz"}[seed%2]) // beside the frames, and none of them
		r.o.Positions = list
		frames, places := random.Perm(count), random.Perm(count)
		for i := range count {
			r.step(func() {
				write(t, r.path(fmt.Sprintf("%d%s", i, []string{".npz", ".h5"}[i%2])),
					patternsOnly(members(d, frames[i:i+1], true)))
			})
			if i%2 == 0 || seed > 1 {
				continue
			}
			r.step(func() { putPlaces(t, list, d, places[:i+1]) })
		}
		r.step(func() { putPlaces(t, list, d, places) })
		late := 0
		for i, id := range frames {
			if i > 0 && id < slices.Max(frames[:i]) {
				late++
			}
		}
		r.end(context.Background(), Idle, Tally{Frames: count, Late: late}, want)
	}
}

func putPlaces(t *testing.T, path string, d dataset.ScanData, ids []int) {
	t.Helper()
	if filepath.Ext(path) == ".csv" {
		put(t, path, csvOf(d, ids))
		return
	}
	write(t, path, slices.DeleteFunc(members(d, ids, true), func(one npz.Member) bool { return one.Key == "diff3d" }))
}

// TestMissingPositions: frames without a position wait. They are neither in the object nor missing.
func TestMissingPositions(t *testing.T) {
	d := scanData(6)
	for _, single := range []bool{false, true} {
		r := watching(t)
		name := "a.h5"
		if single {
			r = growth(t, name, true, patternsOnly(members(d, upTo(5), true)), patternsOnly(members(d, upTo(6), true)))
		} else {
			write(t, r.path(name), patternsOnly(members(d, upTo(6), true)))
		}
		r.o.Positions = filepath.Join(t.TempDir(), "places.csv")
		put(t, r.o.Positions, "id,x,y\n"+csvOf(d, []int{0, 2}))
		r.step(func() { put(t, r.o.Positions, "id,x,y\n"+csvOf(d, []int{0, 2, 1})) })
		// a line that does not end yet
		r.step(func() { put(t, r.o.Positions, "id,x,y\n"+csvOf(d, []int{0, 2, 1})+"3,5") })
		r.end(context.Background(), Idle, Tally{Frames: 3, Waiting: 3}, inferred(t, d, 3))
		if strings.Contains(r.log.String(), "WARN") {
			t.Errorf("complains:\n%s", r.log.String())
		}
	}
}

func TestPositionFiles(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ids        []int64
		said       string
	}{
		{"plain", "0,1,2\n7,3.5,-4e1\n", []int64{0, 7}, ""},
		{"names, comments, blanks, an empty line", "# of the stage\n id , y, x\n\n7, -40, 3.5\n0,2,1\n", []int64{7, 0},
			""},
		{"names of arrays, more columns, CR", "time,ids,xcoords,ycoords\r\n9,7,3.5,-40\r\n9,0,1,2\r\n", []int64{7, 0},
			""},
		{"nothing yet", "", nil, ""},
		{"names without ids", "x,y\n1,2\n", []int64{0}, ""},
		{"an unfinished line", "0,1,2\n7,3", []int64{0}, ""},
		{"too few values", "0,1,2\n7,3\n8,1,1\n", []int64{0}, "line 2: found 2 values"},
		{"no number", "0,1,2\n7,a,3\n", []int64{0}, `line 2: found "7,a,3"`},
		{"NaN", "0,1,2\n7,NaN,3\n", []int64{0}, "line 2: found frame 7 at (NaN, 3)"},
		{"too far", "0,1,2\n7,1e9,3\n", []int64{0}, "line 2"},
		{"a negative id", "-1,1,2\n", nil, "line 1"},
		{"a broken quote", "0,1,2\n\"7,1,3\n", []int64{0}, "places.csv: "},
	} {
		path := filepath.Join(t.TempDir(), "places.csv")
		put(t, path, tt.text)
		ids, x, y, _, err := readPositions(path, dataset.View{})
		if !slices.Equal(ids, tt.ids) || len(x) != len(ids) || len(y) != len(ids) {
			t.Errorf("%s: ids %v, want %v", tt.name, ids, tt.ids)
		}
		if (err != nil) != (tt.said != "") || err != nil && !strings.Contains(err.Error(), tt.said) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.said)
		}
		for i, id := range ids {
			if want := map[int64][2]float64{0: {1, 2}, 7: {3.5, -40}}[id]; x[i] != want[0] || y[i] != want[1] {
				t.Errorf("%s: frame %d at (%v, %v)", tt.name, id, x[i], y[i])
			}
		}
	}
	path := filepath.Join(t.TempDir(), "places.csv") // a stage of 500 mm, in nanometres
	put(t, path, "0,1,2\n7,5e8,3\n8,2e9,3\n")
	if ids, _, _, _, err := readPositions(path, dataset.View{Unit: "nm"}); !slices.Equal(ids, []int64{0, 7}) ||
		err == nil || !strings.Contains(err.Error(), "nm between -1000000000 and 1000000000") {
		t.Errorf("%v, %v", ids, err)
	}
	path = filepath.Join(t.TempDir(), "places.npz")
	write(t, path, []npz.Member{{Key: "ids", Value: []int64{3, 4, 5}},
		{Key: "xcoords", Value: []float64{1, math.NaN(), 2}}, {Key: "ycoords", Value: []float64{1, 1, 2}}})
	if ids, _, _, _, err := readPositions(path, dataset.View{}); !slices.Equal(ids, []int64{3}) || err == nil ||
		!strings.Contains(err.Error(), "position 1: found frame 4") {
		t.Errorf("%v, %v", ids, err)
	}
}

// TestFaultyPositions: a fault is logged once, and the positions before it are used.
func TestFaultyPositions(t *testing.T) {
	d := scanData(3)
	r := watching(t)
	write(t, r.path("a.npz"), patternsOnly(members(d, upTo(3), true)))
	r.o.Positions = filepath.Join(t.TempDir(), "places.csv")
	put(t, r.o.Positions, csvOf(d, []int{0, 1})+"2,?,1\n")
	r.end(context.Background(), Idle, Tally{Frames: 2, Waiting: 1}, inferred(t, d, 2))
	if said := r.log.String(); strings.Count(said, "WARN") != 1 || !strings.Contains(said, "line 3") {
		t.Errorf("said:\n%s", said)
	}
}

// TestOrientedPositions: the flags have the same meaning for a list of positions and for a part.
func TestOrientedPositions(t *testing.T) {
	d := scanData(2)
	for name, view := range map[string]dataset.View{
		"swapped": {SwapXY: true}, "mirrored": {FlipX: true}, "swapped and mirrored": {SwapXY: true, FlipY: true},
		"of the sample":           {SampleMotion: new(true)},
		"of the sample, mirrored": {SampleMotion: new(true), FlipX: true},
	} {
		path := filepath.Join(t.TempDir(), "part.npz")
		write(t, path, members(d, upTo(2), true))
		part, err := dataset.Open(path, dataset.Options{View: view, Part: true, NoProbe: true, NoObject: true})
		if err != nil {
			t.Fatal(err)
		}
		list := filepath.Join(t.TempDir(), "places.csv")
		put(t, list, csvOf(d, upTo(2)))
		p := positions{path: list, view: view}
		if !p.look() || p.fault != nil {
			t.Fatal(p.fault)
		}
		for i := range 2 {
			if got, _ := p.byID.get(int64(i)); got != (position{part.X[i], part.Y[i]}) {
				t.Errorf("%s: %v, and in a part (%v, %v)", name, got, part.X[i], part.Y[i])
			}
		}
		if err := part.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPositionsInUnits: the list states its unit in its names, and the flags the columns and the object's pixel.
func TestPositionsInUnits(t *testing.T) {
	const count = 3
	d := scanData(count)
	var b strings.Builder
	b.WriteString("trigger, z, samy_mm, samx_mm\n")
	for id := range count {
		d.X[id], d.Y[id] = math.Round(d.X[id]), math.Round(d.Y[id]) // the same after division by the pixel
		fmt.Fprintf(&b, "%d, 9, %v, %v\n", id, d.Y[id]/4, d.X[id]/4)
	}
	want := inferred(t, d, count)
	r := watching(t)
	write(t, r.path("a.npz"), patternsOnly(members(d, upTo(count), true)))
	r.o.Positions = filepath.Join(t.TempDir(), "stage.csv")
	put(t, r.o.Positions, b.String())
	r.o.Read.View.PixelSizeNM = 0.25e6
	r.o.Frames = count
	r.end(context.Background(), Complete, Tally{Frames: count}, want)

	named := watching(t)
	write(t, named.path("a.npz"), patternsOnly(members(d, upTo(count), true)))
	named.o.Positions = filepath.Join(t.TempDir(), "stage.csv")
	put(t, named.o.Positions, strings.Replace(b.String(), "samy_mm, samx_mm", "first, second", 1))
	view := &named.o.Read.View
	view.PixelSizeNM, view.X, view.Y, view.Unit = 0.25e6, "second", "first", "mm"
	named.o.Frames = count
	named.end(context.Background(), Complete, Tally{Frames: count}, want)
}

// TestPositionsInMetresNeedAPixel: without the object's pixel, the parts are refused with the flags that help.
func TestPositionsInMetresNeedAPixel(t *testing.T) {
	r := watching(t)
	write(t, r.path("a.npz"), patternsOnly(members(scanData(1), upTo(1), true)))
	r.o.Positions = filepath.Join(t.TempDir(), "stage.csv")
	put(t, r.o.Positions, "id,x_um,y_um\n0,1,2\n")
	if _, err := Run(context.Background(), r.o); err != nil {
		t.Fatal(err)
	}
	if said := r.log.String(); !strings.Contains(said, "no pixel size of the object") {
		t.Errorf("said:\n%s", said)
	}
}

// TestPlans: positions without ids are those of the frames 0, 1, 2 and so on, whatever the format of the file.
func TestPlans(t *testing.T) {
	x, y := []float64{1, 2, 3.5}, []float64{-4, 5, 6}
	arrays := []npz.Member{{Key: "xcoords", Value: x}, {Key: "ycoords", Value: y}}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plan.npz"), arrays)
	write(t, filepath.Join(dir, "plan.h5"), arrays)
	write(t, filepath.Join(dir, "other.h5"), []npz.Member{{Key: "sx", Value: x}, {Key: "sy", Value: y}})
	put(t, filepath.Join(dir, "plan.csv"), "x_um,y_um\n1,-4\n2,5\n3.5,6\n")
	for name, tt := range map[string]struct {
		view  dataset.View
		scale float64
	}{
		"plan.npz": {scale: 1}, "plan.h5": {scale: 1}, "plan.csv": {scale: 1e-6},
		"other.h5": {dataset.View{X: "sx", Y: "sy", Unit: "nm"}, 1e-9},
	} {
		tt.view.Library = hdf5test.Library()
		p := positions{path: filepath.Join(dir, name), view: tt.view}
		if !p.look() || p.fault != nil {
			t.Errorf("%s: %v", name, p.fault)
		}
		for i := range x {
			got, _ := p.byID.get(int64(i))
			if math.Abs(got.x-tt.scale*x[i]) > 1e-15 || math.Abs(got.y-tt.scale*y[i]) > 1e-15 {
				t.Errorf("%s: frame %d at %v, want (%v, %v)", name, i, got, tt.scale*x[i], tt.scale*y[i])
			}
		}
		if p.metres != (tt.scale != 1) {
			t.Errorf("%s: metres %v", name, p.metres)
		}
	}
}

// TestRemarksOnPositions: what is wrong with a file of positions from the start is logged at once, and once.
func TestRemarksOnPositions(t *testing.T) {
	list := func(line func(i int) string) (text string) {
		for i := range 16 {
			text += line(i)
		}
		return text
	}
	for name, c := range map[string]struct{ content, logged string }{
		"good":      {list(func(i int) string { return fmt.Sprintf("%d,%d,0\n", i, i) }), "positions=16 unit=px"},
		"lengths":   {list(func(i int) string { return fmt.Sprintf("%d,%v,0\n", i, 0.01*float64(i)) }), "state --unit"},
		"two":       {"0,1,1\n0,2,2\n", "an id has two positions"},
		"semicolon": {"id;x;y\n0;1;2\n", "expected id,x,y"},
	} {
		path := filepath.Join(t.TempDir(), "plan.csv")
		put(t, path, c.content)
		var log bytes.Buffer
		w := &Watcher{positions: newPositions(path, dataset.View{}), o: Options{
			Clock: RealClock{}, GiveUp: time.Hour, Contract: model(), Log: slog.New(slog.NewTextHandler(&log, nil)),
		}}
		w.updatePositions()
		w.updatePositions()
		if strings.Count(log.String(), c.logged) != 1 || name == "good" && strings.Contains(log.String(), "WARN") {
			t.Errorf("%s: logged %s, expected %q once", name, &log, c.logged)
		}
	}
}
