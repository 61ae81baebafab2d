package refine

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const n = 64

func cpu(t *testing.T) engine.Engine {
	t.Helper()
	return engine.NewORT(runtimetest.Open(t), ort.SessionOptions{Device: ort.CPU, Threads: 2})
}

// scan is a simulated scan with its truth.
func scan(t *testing.T, count int) (solve.Problem, metrics.Image) {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: n, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 16,
		Scan: simulate.Fermat, Count: count, Step: 5, Photons: 1e6, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	return solve.Problem{Patterns: solve.Amplitudes{Float32: data.Patterns}, X: data.X, Y: data.Y, Probe: data.Probe},
		metrics.Image{Object: data.Object}
}

// amplitudesOf are the patterns of a problem that memory holds.
func amplitudesOf(p solve.Problem) *ndarray.Float32 { return p.Patterns.(solve.Amplitudes).Float32 }

// refined runs a Live on frames that are added while it runs, until it has nothing left to do.
func refined(t *testing.T, l *Live, p solve.Problem, object func(frame.Box) *ndarray.Complex64) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done, e := make(chan error, 1), cpu(t)
	go func() { done <- l.Run(ctx, e, object) }()
	for i := range p.X {
		if err := l.Add(int64(i), p.X[i], p.Y[i], amplitudesOf(p).Data[i*n*n:][:n*n], nil); err != nil {
			t.Fatal(err)
		}
		if i == len(p.X)/2 {
			time.Sleep(50 * time.Millisecond) // so that the second half meets a solver at work
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, more := l.next(); !more {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the solver does not come to an end")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// shown is what a Live shows over a network's object.
func shown(l *Live, p solve.Problem, object *ndarray.Complex64, box frame.Box) *reconstruct.Result {
	coverage := ndarray.New[float32](box.Height(), box.Width())
	for i := range p.X {
		row, col := box.Offset(p.X[i], p.Y[i], n)
		for k, v := range lightOf(p.Probe) {
			coverage.Data[(row+k/n)*box.Width()+col+k%n] += v
		}
	}
	r := &reconstruct.Result{Object: object, Coverage: coverage, Row: box.Top, Col: box.Left, Probe: p.Probe}
	l.Show(r)
	return r
}

// TestLiveSolves: without a network, the object of blocks is that of a solver that has all frames from the start. The
// patterns are there for that solver, in any order.
func TestLiveSolves(t *testing.T) {
	p, truth := scan(t, 100)
	l := New(Options{Probe: p.Probe, Empty: true, Threads: 2, Dir: t.TempDir(), Room: 1 << 30})
	defer l.Close()
	refined(t, l, p, nil)
	box := frame.Cover(p.X, p.Y, n)
	r := shown(l, p, ndarray.New[complex64](box.Height(), box.Width()), box)
	options := solve.Defaults(40)
	options.Threads = 2
	s, err := solve.Run(t.Context(), p, options, cpu(t), func(solve.Pass) {})
	if err != nil {
		t.Fatal(err)
	}
	live := metrics.Image{Object: r.Object, Row: r.Row, Col: r.Col, Coverage: r.Coverage}
	for what, other := range map[string]metrics.Image{
		"solver": {Object: s.Object, Row: s.Row, Col: s.Col, Coverage: s.Coverage}, "truth": truth,
	} {
		if report, err := metrics.Compare(live, other, metrics.Options{}); err != nil || report.Correlation < 0.99 {
			t.Errorf("correlation with the %s is %v, %v", what, report.Correlation, err)
		}
	}
	patterns, _, err := l.Patterns([]int64{7, 3})
	if err != nil || patterns.Count() != 2 || patterns.Side() != n {
		t.Fatalf("the patterns of frames 7 and 3: %v", err)
	}
	got := make([]float32, n*n)
	for i, id := range []int{7, 3} {
		if err := patterns.Read(i, got); err != nil || !slices.Equal(got, amplitudesOf(p).Data[id*n*n:][:n*n]) {
			t.Errorf("the pattern of frame %d is another: %v", id, err)
		}
	}
	if _, _, err := l.Patterns([]int64{100}); err == nil {
		t.Error("a pattern of a frame that did not come")
	}
}

// TestLiveKeepsTheNetwork where nothing is refined, and its scale where something is, which is that of the network's
// probe and not of the patterns. Frames without light do not hold up the others.
func TestLiveKeepsTheNetwork(t *testing.T) {
	p, truth := scan(t, 100)
	box := frame.Cover(p.X, p.Y, n)
	network := func(b frame.Box) *ndarray.Complex64 {
		out := ndarray.New[complex64](b.Height(), b.Width())
		for i := range out.Data {
			row, col := b.Top+i/b.Width(), b.Left+i%b.Width()
			if row >= 0 && col >= 0 && row < truth.Object.Shape[0] && col < truth.Object.Shape[1] {
				out.Data[i] = truth.Object.Data[row*truth.Object.Shape[1]+col] / 3
			}
		}
		return out
	}
	probe := p.Probe.Clone()
	scale(probe, 3)
	l := New(Options{Probe: probe, Threads: 2, Dir: t.TempDir(), Room: 1 << 30})
	defer l.Close()
	patterns := amplitudesOf(p).Clone()
	part := solve.Problem{Patterns: solve.Amplitudes{Float32: patterns}, X: p.X[:40], Y: p.Y[:40], Probe: p.Probe}
	clear(patterns.Data[:8*n*n]) // frames without light
	refined(t, l, part, network)
	object := network(box)
	r := shown(l, p, object, box)
	const step = 3
	rows, cols := box.Height()/step, box.Width()/step
	values, marks := make([]complex64, rows*cols), make([]bool, rows*cols)
	l.Look(box.Top, box.Left, rows, cols, step, values, marks)
	for i, v := range values {
		at := i/cols*step*box.Width() + i%cols*step
		if refined := r.Refined.Data[at] == 1; marks[i] != refined || refined && v != r.Object.Data[at] {
			t.Fatalf("a look at pixel %d has %v, refined %v, want %v", at, v, marks[i], r.Object.Data[at])
		}
	}
	if first, second := l.Changed(), l.Changed(); first.Height() == 0 || second.Height() != 0 {
		t.Errorf("%v has changed, and once more %v", first, second)
	}
	before, inside := network(box), 0
	for i, mark := range r.Refined.Data {
		now, then := r.Object.Data[i], before.Data[i]
		switch {
		case mark == 0 && now != then:
			t.Fatalf("pixel %d is not refined, and changed from %v to %v", i, then, now)
		case mark == 1:
			inside++
		}
	}
	if share := float64(inside) / float64(len(object.Data)); share < 0.05 || share > 0.7 {
		t.Errorf("a share of %.2f is refined", share)
	}
	var error2, power float64
	for i, mark := range r.Refined.Data {
		if mark == 1 && r.Coverage.Data[i] > 0.5 {
			d := r.Object.Data[i] - before.Data[i]
			error2 += float64(real(d)*real(d) + imag(d)*imag(d))
			power += float64(real(before.Data[i])*real(before.Data[i]) + imag(before.Data[i])*imag(before.Data[i]))
		}
	}
	if error2 > 0.03*power {
		t.Errorf("what is refined differs from the truth by %.3f of its power", error2/power)
	}
}
