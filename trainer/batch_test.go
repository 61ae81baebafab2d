package trainer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
)

func TestBatchesShowEveryGroupOnceAnEpoch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ count, size int }{{1, 1}, {1, 4}, {7, 3}, {8, 4}, {9, 4}, {100, 16}} {
		for epoch := range 3 {
			plan := shuffled(c.count, c.size, 5, epoch)
			var all []int
			for i, b := range plan {
				all = append(all, b...)
				if i < len(plan)-1 && len(b) != c.size || len(b) == 0 {
					t.Errorf("%+v: batch %d holds %d groups", c, i, len(b))
				}
			}
			slices.Sort(all)
			if want := flat(inOrder(c.count, c.size)); !slices.Equal(all, want) {
				t.Errorf("%+v: groups %v, want each once", c, all)
			}
		}
	}
}

func flat(plan [][]int) []int { return slices.Concat(plan...) }

func TestBatchOrderDependsOnSeedAndEpochAlone(t *testing.T) {
	t.Parallel()
	const count, size = 50, 8
	want := flat(shuffled(count, size, 7, 3))
	if !slices.Equal(flat(shuffled(count, size, 7, 3)), want) {
		t.Error("the same seed and epoch give another order")
	}
	if !slices.Equal(flat(shuffled(count, 5, 7, 3)), want) {
		t.Error("the batch size changes the order")
	}
	if slices.Equal(flat(shuffled(count, size, 7, 4)), want) {
		t.Error("the next epoch has the same order")
	}
	if slices.Equal(flat(shuffled(count, size, 8, 3)), want) {
		t.Error("another seed gives the same order")
	}
	if !slices.IsSorted(flat(inOrder(count, size))) {
		t.Error("validation is shuffled")
	}
}

// TestPlanOfAGrid: every pattern seeds a group of four, so a quarter of the groups shows as many patterns as the scan
// has.
func TestPlanOfAGrid(t *testing.T) {
	t.Parallel()
	c := small()
	c.Gridsize, c.BatchSize = 2, 8
	b := bind(t, engine.Tape{}, c, opened(t, simulated(t, 18, 1)), 1)
	plan := b.fitter.plan(1)
	if got := len(flat(plan)); got < 5 || got > 6 || len(plan) != 3 { // 18 / 4 in steps of two groups
		t.Errorf("an epoch of 18 groups of 4 is %v", plan)
	}
	if slices.Equal(flat(plan), flat(b.fitter.plan(2))) {
		t.Error("the next epoch sees the same groups in the same order")
	}
}

// TestOversampledEpochs show every pattern as often on average as groups were drawn for each position, in groups that
// differ.
func TestOversampledEpochs(t *testing.T) {
	t.Parallel()
	c := small()
	c.Gridsize, c.BatchSize, c.Neighbours, c.Oversample = 2, 4, 5, 3
	b := bind(t, engine.Tape{}, c, opened(t, simulated(t, 12, 1)), 1)
	if got := len(b.fitter.train.Groups); got != 36 {
		t.Errorf("%d groups for 12 positions", got)
	}
	plan := b.fitter.plan(1)
	if shown := 4 * len(flat(plan)); shown != 36 {
		t.Errorf("an epoch shows %d patterns, of 12", shown)
	}
	if held := b.fitter.train.Patterns.Shape[0]; held != 12 {
		t.Errorf("%d patterns are held", held)
	}
	c.Patterns = 7
	if got := len(bind(t, engine.Tape{}, c, opened(t, simulated(t, 12, 1)), 1).fitter.train.Groups); got != 7 {
		t.Errorf("%d groups drawn, 7 asked for", got)
	}
}

// toy has three 64 x 64 patterns, each its own group.
func toy() *Data {
	d := &Data{
		Patterns: testutil.Uniform(1, 0, 5, 3, 64, 64),
		X:        []float64{40.25, 43.5, 37.5}, Y: []float64{50.75, 48, 55.5}, Scan: []int{0, 0, 0},
	}
	d.Groups = [][]int{{0}, {1}, {2}}
	return d
}

func netOf(channels int) models.Config {
	return models.Config{N: 64, Channels: channels, FiltersScale: 1, Extent: models.Full, InputScale: 1,
		AmplitudeMax: 2}
}

func TestFillLoadsAndPads(t *testing.T) {
	t.Parallel()
	const image = 64 * 64
	d := toy()
	b := newBatch(StepConfig{Net: netOf(1), Samples: 3, Group: 1})
	for _, c := range []struct {
		groups  []int
		want    []int // pattern of each slot
		weights []float32
	}{
		{[]int{2, 0, 1}, []int{2, 0, 1}, []float32{0.5, 0.5, 0.5}},
		{[]int{1, 2}, []int{1, 2, 1}, []float32{0.5, 0.5, 0}},
		{nil, []int{0, 0, 0}, []float32{0, 0, 0}},
	} {
		b.fill(d, c.groups, 0.25, []float32{2})
		same(t, fmt.Sprint("weights of ", c.groups), b.arrays[weightInput].Data, c.weights)
		for slot, pattern := range c.want {
			what := fmt.Sprintf("groups %v, slot %d", c.groups, slot)
			same(t, what, b.arrays[amplitudeInput].Data[slot*image:(slot+1)*image],
				d.Patterns.Data[pattern*image:(pattern+1)*image])
			// 43.5 is pixel 44 less a half: a position is its nearest pixel and a rest.
			restY, restX := []float64{-0.25, 0, -0.5}[pattern], []float64{0.25, -0.5, -0.5}[pattern]
			same(t, what+", y", b.arrays[shiftYInput].Data[slot*image:(slot+1)*image], shiftMatrix(restY, 64))
			same(t, what+", x", b.arrays[shiftXInput].Data[slot*image:(slot+1)*image], shiftMatrix(restX, 64))
		}
	}
}

// TestPlacesPutPatchesOnTheCanvas: the place matrices move patch to canvas, (N, K)^T P (N, K), and the transposes cut
// it out again. TestOnlyAMaskIsAnInput: the graph of a scan whose pixels were all measured is what it was before masks;
// one with a mask has one input more.
func TestOnlyAMaskIsAnInput(t *testing.T) {
	t.Parallel()
	plain := []string{amplitudeInput, shiftYInput, shiftXInput, weightInput}
	for _, masked := range []bool{false, true} {
		c := StepConfig{Net: netOf(1), Samples: 1, Group: 1, Loss: Poisson.Loss(), PoissonFloor: DefaultFloor,
			Masked: masked}
		step, err := NewStep(c)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, in := range step.Training.Inputs[:len(step.Training.Inputs)-len(c.Net.Specs())-2] {
			names = append(names, in.Name)
		}
		want := plain
		if masked {
			want = append(slices.Clone(plain), maskInput)
		}
		if !slices.Equal(names, want) {
			t.Errorf("masked %v: inputs %v, want %v", masked, names, want)
		}
	}
}

func TestPlacesPutPatchesOnTheCanvas(t *testing.T) {
	t.Parallel()
	const n = 64
	d := toy()
	d.Groups = [][]int{{0, 1, 2}}
	// Whole pixels: x 40, 44, 38 and y 51, 48, 56: the widest span is 8.
	if got := d.canvasSize(n); got != n+8 {
		t.Fatalf("canvas of %d pixels, want %d", got, n+8)
	}
	k := d.canvasSize(n)
	b := newBatch(StepConfig{Net: netOf(1), Samples: 1, Group: 3, Canvas: k})
	b.fill(d, []int{0}, 1, []float32{1})
	for axis, c := range []struct {
		matrices *ndarray.Float32
		offsets  []int // from the group's lowest pixel
	}{{b.arrays[placeYInput], []int{3, 0, 8}}, {b.arrays[placeXInput], []int{2, 6, 0}}} {
		for member, offset := range c.offsets {
			for r := range n {
				for column := range k {
					want := float32(0)
					if column == r+offset {
						want = 1
					}
					if got := c.matrices.Data[(member*n+r)*k+column]; got != want {
						t.Fatalf("axis %d, member %d: element (%d, %d) is %v, want %v", axis, member, r, column, got,
							want)
					}
				}
			}
		}
	}
}

// TestOverlapWeights: bright pixels count alike, dark ones by the rim alone.
func TestOverlapWeights(t *testing.T) {
	t.Parallel()
	b := newBatch(StepConfig{Net: netOf(1), Samples: 1, Group: 2, Canvas: 70})
	re, im := ndarray.New[float32](64, 64), ndarray.New[float32](64, 64)
	re.Data[5], im.Data[5], im.Data[6] = 3, 4, 2
	b.weigh(re, im)
	mean := 29. / (64 * 64)
	for i, want := range map[int]float64{
		0: overlapRim, 5: 25/(25+overlapKnee*mean) + overlapRim, 6: 4/(4+overlapKnee*mean) + overlapRim,
	} {
		got := float64(b.arrays[overlapInput].Data[i])
		if !(math.Abs(got-want) < 1e-6) { // rounding of single precision
			t.Errorf("weight %d is %v, want %v", i, got, want)
		}
	}
}

// TestLightIsTheProbesIntensityOfMeanOne, and none falls on the border of the extent.
func TestLightIsTheProbesIntensityOfMeanOne(t *testing.T) {
	t.Parallel()
	const n = 64
	for extent, inside := range map[models.Extent]int{models.Full: n * n, models.Centre: (n/2 - 1) * (n/2 - 1)} {
		net := netOf(1)
		net.Extent = extent
		b := newBatch(StepConfig{Net: net, Samples: 1, Group: 1, Loss: Loss{Poisson: 1, Smoothness: 1}})
		re, im := testutil.Uniform(3, 1, 2, n, n), testutil.Uniform(4, 1, 2, n, n)
		for range 2 { // filling it again changes nothing
			b.weigh(re, im)
			sum, lit := 0.0, 0
			first := -1
			for i, v := range b.arrays[litInput].Data {
				if sum += float64(v); v > 0 {
					if lit++; first < 0 {
						first = i
					}
				}
			}
			// 4096 float32 values of order 1, each rounded to 2^-24.
			if !testutil.Close(sum, n*n, 0, 1e-6) || lit != inside {
				t.Errorf("%s: %d pixels are lit, by %v in all", extent, lit, sum)
			}
			intensity := func(i int) float64 { return float64(re.Data[i]*re.Data[i] + im.Data[i]*im.Data[i]) }
			middle := n*n/2 + n/2
			light := b.arrays[litInput].Data
			got, want := float64(light[middle]/light[first]), intensity(middle)/intensity(first)
			if !testutil.Close(got, want, 0, 1e-6) {
				t.Errorf("%s: two pixels' light is as %v, their intensities as %v", extent, got, want)
			}
		}
	}
}

// TestPaddingDoesNotCount: one group in a step of two gives the loss and the gradients of that group, and two groups
// the mean of each alone.
func TestPaddingDoesNotCount(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := lit(t, 4)
	two := bind(t, ort, small(), scan, 1)
	single := small()
	single.BatchSize = 1
	one := bind(t, ort, single, scan, 1)
	for _, c := range [][]int{{2}, {1, 3}} {
		loss := 0.0
		sum := ndarray.New[float32](one.fitter.replicas[0].grads[0].Shape...)
		for _, group := range c {
			loss += one.run(t, []int{group}) / float64(len(c))
			for k, v := range one.fitter.replicas[0].grads[0].Data {
				sum.Data[k] += v / float32(len(c))
			}
		}
		if got := two.run(t, c); !testutil.Close(got, loss, 0, 1e-6) { // sums in another order, a few times 2^-24
			t.Errorf("groups %v: loss %v, want %v", c, got, loss)
		}
		testutil.CheckClose(t, fmt.Sprint("gradient of groups ", c), two.fitter.replicas[0].grads[0].Data, sum.Data,
			gradientTolerance)
	}
}

// TestReplicasAddUp: two replicas of half a step are the step, also where the groups do not fill them.
func TestReplicasAddUp(t *testing.T) {
	t.Parallel()
	c := small()
	c.BatchSize = 4
	scan := lit(t, 5)
	one, halves := bind(t, fast(t, 1), c, scan, 1), bind(t, fast(t, 2), c, scan, 2)
	for _, groups := range [][]int{{0, 1, 2, 3}, {4, 2, 1}, {3}} {
		want, got := one.run(t, groups), halves.run(t, groups)
		if !testutil.Close(got, want, 0, 1e-6) { // sums in another order, a few times 2^-24
			t.Errorf("groups %v: loss %v, want %v", groups, got, want)
		}
		replicas := [][]*ndarray.Float32{halves.fitter.replicas[0].grads, halves.fitter.replicas[1].grads}
		gather(replicas, 2)
		for i, g := range one.fitter.replicas[0].grads {
			if scale := one.layerScale(one.fitter.replicas[0].grads,
				i); !(disagreement(replicas[0][i], g, nil, gradientTolerance*scale) <= 0) {
				t.Errorf("groups %v: %s differs", groups, one.step.Training.Outputs[i+1].Name)
			}
		}
	}
}

// positions lists where the patterns of the groups are: what tells them apart after renumbering.
func positions(d *Data) []string {
	var out []string
	for _, group := range d.Groups {
		var at []string
		for _, m := range group {
			at = append(at, fmt.Sprint(d.X[m], d.Y[m]))
		}
		out = append(out, strings.Join(at, "; "))
	}
	return out
}

func TestValidationSplit(t *testing.T) {
	t.Parallel()
	scan := opened(t, simulated(t, 20, 1))
	draw := func(seed uint64) (train, val []string) {
		c := small()
		c.ValFraction, c.Seed = 0.25, seed
		r, _ := request(c, scan, engine.Tape{})
		a, b, err := r.data()
		if err != nil {
			t.Fatal(err)
		}
		return positions(a), positions(b)
	}
	train, val := draw(1)
	if len(train) != 15 || len(val) != 5 {
		t.Errorf("a quarter of 20 leaves %d and sets %d aside", len(train), len(val))
	}
	all := slices.Sorted(slices.Values(slices.Concat(train, val)))
	if len(slices.Compact(all)) != 20 {
		t.Error("a pattern is in both parts, or in none")
	}
	if _, again := draw(1); !slices.Equal(again, val) {
		t.Error("the same seed sets other patterns aside")
	}
	if _, other := draw(2); slices.Equal(other, val) {
		t.Error("another seed sets the same patterns aside")
	}
}

func TestDrawingGroups(t *testing.T) {
	t.Parallel()
	scan := opened(t, simulated(t, 20, 1))
	for _, c := range []struct{ gridsize, ask, want int }{{1, 0, 20}, {1, 6, 6}, {1, 20, 20}, {1, 99, 20}, {2, 6, 6}} {
		config := small()
		config.Gridsize, config.Patterns = c.gridsize, c.ask
		r, _ := request(config, scan, engine.Tape{})
		d, val, err := r.data()
		if err != nil {
			t.Fatal(err)
		}
		if val != nil {
			t.Errorf("%+v: unexpected validation data", c)
		}
		drawn := positions(d)
		if len(drawn) != c.want {
			t.Errorf("%+v: %d groups", c, len(drawn))
		}
		if c.gridsize == 1 && len(slices.Compact(slices.Sorted(slices.Values(drawn)))) != c.want {
			t.Errorf("%+v: a pattern was drawn twice", c)
		}
		for _, group := range d.Groups {
			if len(group) != c.gridsize*c.gridsize {
				t.Errorf("%+v: a group of %d", c, len(group))
			}
		}
		if d.Patterns.Shape[0] != len(d.X) || len(d.X) > 20 {
			t.Errorf("%+v: %d patterns are held, at %d positions", c, d.Patterns.Shape[0], len(d.X))
		}
	}
}

// TestLoadedPatternsAreTheScans: renumbering keeps pattern and position together.
func TestLoadedPatternsAreTheScans(t *testing.T) {
	t.Parallel()
	data := simulated(t, 9, 1)
	list := scans{opened(t, data)}
	d := list.arrange([][]int{{7, 2}, {2, 5}})
	if err := d.load(list); err != nil {
		t.Fatal(err)
	}
	const image = 64 * 64
	for g, group := range [][]int{{7, 2}, {2, 5}} {
		for m, id := range group {
			slot := d.Groups[g][m]
			if d.X[slot] != data.X[id] || d.Y[slot] != data.Y[id] {
				t.Errorf("group %d, member %d is at (%v, %v)", g, m, d.X[slot], d.Y[slot])
			}
			same(t, "pattern", d.Patterns.Data[slot*image:(slot+1)*image], data.Patterns.Data[id*image:(id+1)*image])
		}
	}
	if len(d.X) != 3 {
		t.Errorf("three patterns take %d places", len(d.X))
	}
}

func TestSeparateValidationScan(t *testing.T) {
	t.Parallel()
	c := small()
	c.ValFraction = 0.5 // does not apply: the whole scan is for training
	r, _ := request(c, opened(t, simulated(t, 4, 1)), engine.Tape{})
	r.Validation = scans{opened(t, simulated(t, 3, 2))}
	train, val, err := r.data()
	if err != nil {
		t.Fatal(err)
	}
	if len(train.Groups) != 4 || len(val.Groups) != 3 {
		t.Errorf("%d groups to train, %d to validate", len(train.Groups), len(val.Groups))
	}
}

func TestValidationScanOfAnotherSizeIsRefused(t *testing.T) {
	t.Parallel()
	wide, err := simulate.Run(t.Context(), simulate.Options{
		N: 128, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.Gaussian, ProbeSize: 16,
		Scan: simulate.Fermat, Count: 1, Step: 4, Photons: 1e4,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := request(small(), opened(t, simulated(t, 2, 1)), engine.Tape{})
	r.Validation = scans{opened(t, wide)}
	var bad *badinput.Error
	if _, err := Train(t.Context(), r); !errors.As(err, &bad) || bad.File != r.Validation[0].Path {
		t.Errorf("error %v", err)
	}
}

func TestProbePowers(t *testing.T) {
	t.Parallel()
	scan := opened(t, simulated(t, 3, 1))
	re, im := scaledProbes(scans{scan}.probes(), []float64{1})
	// The power is scaled by one float32 factor, whose rounding it shares.
	if got := sumSquares(re.Data) + sumSquares(im.Data); !testutil.Close(got, 64*64, 0, 1e-6) {
		t.Errorf("power %v, want N^2", got)
	}
	counts := probesInCounts(re, im, 500)[0]
	if got := optics.Power(counts); !testutil.Close(got, 500, 0, 1e-6) {
		t.Errorf("power %v, want 500 photons", got)
	}
	// Phase and shape are the scan's.
	ratio := counts.Data[32*64+32] / scan.Probe.Data[32*64+32]
	top := largestMagnitude(scan.Probe)
	for i, p := range scan.Probe.Data {
		want := p * ratio
		if !(math.Hypot(float64(real(counts.Data[i]-want)),
			float64(imag(counts.Data[i]-want))) <= 1e-5*math.Hypot(float64(real(ratio)), float64(imag(ratio)))*top) {
			t.Fatalf("element %d is %v, want %v", i, counts.Data[i], want)
		}
	}
}

func largestMagnitude(a *ndarray.Complex64) float64 {
	top := 0.0
	for _, v := range a.Data {
		top = max(top, math.Hypot(float64(real(v)), float64(imag(v))))
	}
	return top
}
