package trainer

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/cmplx"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/experiments"
)

// smallPretraining is of the smallest network on the smallest patterns.
func smallPretraining() PretrainConfig {
	c := DefaultPretrainConfig()
	c.Patterns, c.FiltersScale, c.BatchSize, c.Group, c.Shards, c.Round, c.WarmUp = 48, 1, 4, 2, 2, 16, 8
	c.N, c.Threads = 32, 1
	c.Sizes = []SizeShare{{32, 0.7}, {40, 0.3}}
	return c
}

// pretrain runs a pretraining to its end.
func pretrain(t *testing.T, r PretrainRequest) *PretrainResult {
	t.Helper()
	result, err := Pretrain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// boundSample is a step of the smallest network on an engine, at parameters off their start, with its samples.
func boundSample(t *testing.T, eng engine.Engine) (*sizeStep, *lot, []*ndarray.Float32) {
	t.Helper()
	c := smallPretraining()
	p := &pretraining{request: PretrainRequest{Engine: eng}, config: c}
	p.state = &State{Parameters: c.Network(32).Initialise(1)}
	for i, param := range p.state.Parameters {
		if len(param.Shape) == 1 && param.Shape[0] > 1 {
			copy(param.Data, testutil.Uniform(uint64(i)+10, -0.1, 0.1, param.Shape...).Data)
		}
	}
	step, err := p.newSizeStep(32, c.Shards)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(step.close)
	s := &supply{generator: experiments.New(3, experiments.All()), seed: 3, batch: c.BatchSize, group: c.Group}
	return step, s.maker().part(0, 0, newLot(32, c.BatchSize)), p.state.Parameters
}

// Both engines give the same loss and gradients. The tolerance is that of TestEnginesAgreeOnLossAndGradients.
func TestEnginesAgreeOnThePretraining(t *testing.T) {
	t.Parallel()
	a, samples, _ := boundSample(t, engine.Tape{})
	want, err := a.run(samples)
	if err != nil {
		t.Fatal(err)
	}
	b, _, _ := boundSample(t, fast(t, 2))
	got, err := b.run(samples)
	if err != nil {
		t.Fatal(err)
	}
	if !testutil.Close(got, want, 0, gradientTolerance) {
		t.Errorf("loss %g, on the tape %g", got, want)
	}
	grads, reference := b.grads(), a.grads()
	gather(grads, 1)
	gather(reference, 1)
	for i, g := range reference[0] {
		testutil.CheckClose(t, b.step.training.Outputs[i+1].Name, grads[0][i].Data, g.Data, gradientTolerance)
	}
}

// The gradient of the loss is its slope, along the gradient of all parameters of the object.
func TestGradientOfThePretraining(t *testing.T) {
	t.Parallel()
	step, samples, params := boundSample(t, fast(t, 1))
	run := func() (float64, []*ndarray.Float32) {
		loss, err := step.run(samples)
		if err != nil {
			t.Fatal(err)
		}
		shards, grads := step.grads(), []*ndarray.Float32{}
		gather(shards, 1)
		for i, g := range shards[0] {
			if grads = append(grads, g.Clone()); step.step.net.Specs()[i].Variance {
				clear(grads[i].Data) // of a loss of its own
			}
		}
		return loss, grads
	}
	_, grads := run()
	norm, saved := 0.0, []*ndarray.Float32{}
	for i, g := range grads {
		norm, saved = norm+sumSquares(g.Data), append(saved, params[i].Clone())
	}
	norm = math.Sqrt(norm)
	walk := func(way float64) {
		for i, g := range grads {
			for k, v := range g.Data {
				params[i].Data[k] = saved[i].Data[k] + float32(way*float64(v)/norm)
			}
		}
	}
	const length, tolerance, points = 5e-4, 0.03, 8
	walk(length)
	above, _ := run()
	walk(-length)
	below, _ := run()
	mean := 0.0 // of the gradient on the way, which ReLU bends
	for k := range points {
		walk(length * float64(2*k+1-points) / points)
		_, here := run()
		for i, g := range here {
			for j, v := range g.Data {
				mean += float64(v) * float64(grads[i].Data[j]) / norm / points
			}
		}
	}
	if slope := (above - below) / (2 * length); !testutil.Close(slope, mean, 0, tolerance) {
		t.Errorf("slope %g, mean gradient %g", slope, mean)
	}
}

// Samples are the same with any number of goroutines, and from any step on.
func TestSamplesDoNotDependOnThreads(t *testing.T) {
	t.Parallel()
	s := &supply{
		generator: experiments.New(4, experiments.All()), seed: 4, batch: 6, group: 3,
		sizes: []SizeShare{{32, 1}, {40, 1}},
	}
	const steps = 6
	read := func(first, workers int) [][]float32 {
		l := s.start(first, workers)
		defer l.stop()
		var all [][]float32
		for range steps - first {
			lot := l.take()
			var values []float32
			for _, sample := range lot.samples {
				for _, in := range sample.inputs {
					values = append(values, in...)
				}
			}
			all = append(all, values)
			l.giveBack(lot)
		}
		return all
	}
	want := read(0, 1)
	for first, workers := range map[int]int{0: 3, 1: 2, 4: 4} {
		for i, got := range read(first, workers) {
			same(t, "samples", got, want[first+i])
		}
	}
	if bytes.Equal(floatBytes(want[0]), floatBytes(want[1])) {
		t.Error("two steps have the same samples")
	}
}

func floatBytes(values []float32) []byte {
	var b []byte
	for _, v := range values {
		bits := math.Float32bits(v)
		b = append(b, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	}
	return b
}

// Constants that take the means of the objects of a group have an error of 1, a turned truth one of 0.
func TestErrorsAreRelativeToAConstant(t *testing.T) {
	t.Parallel()
	const n, members = 32, 3
	s := &supply{generator: experiments.New(5, experiments.All()), seed: 5}
	m, group := s.maker(), newLot(n, members).samples
	for index := range uint64(20) {
		m.make(index, n, group)
		var flat, turned [2][]float32
		for _, one := range group {
			re, im, share := one.inputs[3], one.inputs[4], one.inputs[5]
			var sum, weight complex128
			for i, w := range share {
				sum += complex(float64(w), 0) * complex(float64(re[i]), float64(im[i]))
				weight += complex(float64(w), 0)
			}
			mean := complex64(sum / weight)
			for i := range re {
				flat[0], flat[1] = append(flat[0], real(mean)), append(flat[1], imag(mean))
				turned[0], turned[1] = append(turned[0], -im[i]), append(turned[1], re[i])
			}
		}
		// contrastFloor takes a little away, most of it where an object has hardly any contrast.
		got := compare(group, flat[0], flat[1]).relative
		if group[0].about.object != "nothing" && !(got > 0.9) || got > 1.001 {
			t.Errorf("group %d, %s: error %g of constants", index, group[0].about.object, got)
		}
		exact := compare(group, turned[0], turned[1])
		if !(exact.relative < 1e-2) || !testutil.Close(exact.correlation, 1, 0, 1e-4) {
			t.Errorf("group %d: %+v of a turned truth", index, exact)
		}
	}
}

// The truths of a group, merged where take places them, are the truths: windows that overlap show one object.
func TestMergingTheTruthChangesNothing(t *testing.T) {
	t.Parallel()
	const n, members = 32, 4
	s := &supply{generator: experiments.New(5, experiments.All()), seed: 5}
	group := newLot(n, members).samples
	g := gorgonia.NewGraph()
	in, arrays := map[string]*gorgonia.Node{}, []*ndarray.Float32{}
	merging := &program.Program{Name: "merging"}
	for _, input := range sampleInputs() {
		shape := input.shape(members, n)
		in[input.name] = program.Leaf(g, input.name, shape...)
		merging.Inputs = append(merging.Inputs, program.Input{Name: input.name, Node: in[input.name]})
		arrays = append(arrays, ndarray.New[float32](shape...))
	}
	merged, err := ops.Build("merging", func() forward.Pair {
		return canvas(in, members).Merge(forward.Pair{Re: in[sampleTruthRe], Im: in[sampleTruthIm]})
	})
	if err != nil {
		t.Fatal(err)
	}
	merging.Outputs = []program.Output{{Name: "re", Node: merged.Re}, {Name: "im", Node: merged.Im}}
	compiled, err := (engine.Tape{}).Compile(merging, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := []*ndarray.Float32{ndarray.New[float32](members, 1, n, n), ndarray.New[float32](members, 1, n, n)}
	binding, err := compiled.Bind(arrays, got)
	if err != nil {
		t.Fatal(err)
	}
	for index := range uint64(4) {
		s.maker().make(index, n, group)
		fillSamples(arrays, group)
		if err := binding.Run(); err != nil {
			t.Fatal(err)
		}
		lit := 0
		for i, light := range slices.Concat(group[0].light, group[1].light, group[2].light, group[3].light) {
			if light < 0.1 { // where no probe shines, the mean is nothing
				continue
			}
			lit++
			want := complex(arrays[3].Data[i], arrays[4].Data[i])
			// 1e-5: overlapFloor beside a weight of 0.2; rounding is less.
			if d := cmplx.Abs(complex128(complex(got[0].Data[i], got[1].Data[i]) - want)); !(d < 3e-5) {
				t.Fatalf("group %d, pixel %d: %g off", index, i, d)
			}
		}
		if lit < 4*n {
			t.Errorf("group %d: %d pixels have light", index, lit)
		}
	}
	if err := errors.Join(binding.Close(), compiled.Close()); err != nil {
		t.Error(err)
	}
}

// A pretraining that is interrupted in the middle of a round ends with the bytes of one that was not. It resumes with
// more threads, or others compute its shards.
func TestResumedPretrainingIsUndisturbed(t *testing.T) {
	t.Parallel()
	eng := fast(t, 1)
	c := smallPretraining()
	request := func(dir string) PretrainRequest {
		return PretrainRequest{Config: c, Engine: eng, Checkpoint: filepath.Join(dir, StateFile)}
	}
	want := pretrain(t, request(t.TempDir()))
	var others shardsHere
	for _, threads := range []int{1, 2, 1} {
		r := PretrainRequest{Config: c, Engine: fast(t, threads)}
		r.Config.Threads = threads
		shards, err := NewPretrainShards(r)
		if err != nil {
			t.Fatal(err)
		}
		defer shards.Close()
		others.workers = append(others.workers, shards)
	}
	if _, err := others.workers[0].Compute(0, 0, []float32{1}); !errors.Is(err, errOtherParameters) {
		t.Errorf("parameters of another network: %v", err)
	}
	for _, stop := range []int{1, 6} { // steps; a round has four
		dir := t.TempDir()
		first := request(dir)
		ctx, cancel := context.WithCancel(t.Context())
		first.Progress = &recorder{afterBatch: func(steps int) {
			if steps == stop {
				cancel()
			}
		}}
		part, err := Pretrain(ctx, first)
		if err != nil || !part.Cancelled || part.Patterns != stop*c.BatchSize {
			t.Fatalf("after %d steps: %+v, %v", stop, part, err)
		}
		second := request(dir)
		second.Resume, second.Config.Threads, second.Engine = second.Checkpoint, 3, fast(t, 3)
		if stop > 1 {
			second.Exchange = others
		}
		got := pretrain(t, second)
		if !bytes.Equal(got.Model.Marshal(), want.Model.Marshal()) {
			t.Errorf("interrupted after %d steps: another model", stop)
		}
		for i, e := range got.State.History {
			if w := want.State.History[i]; e.ValLoss != w.ValLoss || e.TrainLoss != w.TrainLoss {
				t.Errorf("round %d: %+v, want %+v", e.Number, e, w)
			}
		}
	}
}

// The samples belong to the state: one of other samples is refused.
func TestStatesOfOtherSamplesAreRefused(t *testing.T) {
	t.Parallel()
	eng, c := fast(t, 1), smallPretraining()
	c.Patterns = 16
	path := filepath.Join(t.TempDir(), StateFile)
	pretrain(t, PretrainRequest{Config: c, Engine: eng, Checkpoint: path})
	c.Seed++
	_, err := Pretrain(t.Context(), PretrainRequest{Config: c, Engine: eng, Resume: path})
	var bad *InputError
	if !errors.As(err, &bad) || bad.Key != "data_sha256" {
		t.Errorf("got %v", err)
	}
}

// The network learns: after some hundred patterns the held-out error is lower.
func TestPretrainingLearns(t *testing.T) {
	t.Parallel()
	c := smallPretraining()
	c.Patterns, c.Round, c.WarmUp, c.LearningRate, c.Sizes = 384, 128, 0, 0.003, []SizeShare{{32, 1}}
	var rounds []Round
	r := PretrainRequest{Config: c, Engine: fast(t, 2)}
	r.AfterRound = func(round Round, _ func() (*Model, error)) error {
		rounds = append(rounds, round)
		return nil
	}
	result := pretrain(t, r)
	first, last := rounds[0].HeldOut[0], rounds[len(rounds)-1].HeldOut[0]
	t.Logf("held-out error %.3f, then %.3f", first.Error, last.Error)
	if !(last.Error < 0.985*first.Error) {
		t.Errorf("held-out error %g, then %g", first.Error, last.Error)
	}
	weights, err := export.Weights(result.Model.Marshal(), c.Network(32))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "weights of the model", flatten(weights), flatten(result.State.Parameters))
}

// A group of a solved scan is a pattern with neighbours on its canvas: where windows overlap, they show one object.
func TestGroupsOfSolvedScans(t *testing.T) {
	t.Parallel()
	const n, members = 64, 4
	s, err := newSolved(opened(t, simulated(t, 20, 1)))
	if err != nil {
		t.Fatal(err)
	}
	group := newLot(n, members).samples
	rng := stream.New(1, "trainer/test")
	for range 10 {
		s.fill(rng, group)
		seen, places := map[[2]int]complex64{}, map[[2]int]bool{}
		shared := 0
		for _, one := range group {
			row, col := slices.Index(one.inputs[6], 1), slices.Index(one.inputs[7], 1)
			places[[2]int{row, col}] = true
			for i := range n * n {
				at := [2]int{row + i/n, col + i%n}
				if at[0] >= canvasWindows*n || at[1] >= canvasWindows*n {
					t.Fatalf("a window at %d, %d", row, col)
				}
				v := complex(one.inputs[3][i], one.inputs[4][i])
				if old, ok := seen[at]; ok && old != v {
					t.Fatalf("two objects at %v", at)
				} else if ok {
					shared++
				}
				seen[at] = v
			}
		}
		if len(places) != members || shared < members*n {
			t.Errorf("%d places share %d pixels", len(places), shared)
		}
	}
}

// shardsHere is an Exchange between requests in this process: they take turns with the shards.
type shardsHere struct{ workers []shardsOfOne }

type shardsOfOne interface {
	Compute(step, shard int, parameters []float32) ([]float32, error)
}

func (s shardsHere) Step(
	_ context.Context, step, shards int, parameters []float32,
) (results [][]float32, err error) {
	for shard := range shards {
		values, err := s.workers[(step+shard)%len(s.workers)].Compute(step, shard, parameters)
		if err != nil {
			return nil, err
		}
		results = append(results, values)
	}
	return results, nil
}
