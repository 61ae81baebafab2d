package trainer

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// brighter is a scan of other positions and another probe, with a power four times that of simulated(t, count, 1).
func brighter(t *testing.T, count int) dataset.ScanData {
	t.Helper()
	data := simulated(t, count, 2)
	for i := range data.Patterns.Data {
		data.Patterns.Data[i] *= 2
	}
	for i, v := range testutil.Uniform(8, 0.5, 1.5, 64*64).Data {
		data.Probe.Data[i] *= complex(v, 0.3)
	}
	return data
}

// two scans of unlike brightness.
func two(t *testing.T) (scans, []dataset.ScanData) {
	t.Helper()
	data := []dataset.ScanData{simulated(t, 5, 1), brighter(t, 4)}
	return scans{opened(t, data[0]), opened(t, data[1])}, data
}

func TestOneScaleForAllScansAndExposuresInTheProbes(t *testing.T) {
	t.Parallel()
	list, _ := two(t)
	var powers []float64
	for _, s := range list {
		power, err := s.MeanPower()
		if err != nil {
			t.Fatal(err)
		}
		powers = append(powers, power)
	}
	got, err := list.light()
	if err != nil {
		t.Fatal(err)
	}
	mean := (5*powers[0] + 4*powers[1]) / 9
	if !testutil.Close(got.power, mean, 0, 1e-12) { // a few roundings of float64
		t.Errorf("mean power %v, want %v", got.power, mean)
	}
	re, im := scaledProbes(list.probes(), got.exposure)
	if !slices.Equal(re.Shape, []int{2, 64, 64}) {
		t.Fatalf("probes of shape %v", re.Shape)
	}
	for i, counts := range probesInCounts(re, im, got.power) {
		if !testutil.Close(got.exposure[i], powers[i]/mean, 0, 1e-12) {
			t.Errorf("scan %d: exposure %v, want %v", i, got.exposure[i], powers[i]/mean)
		}
		// A float32 factor scales a probe, twice.
		if power := optics.Power(counts); !testutil.Close(power, powers[i], 0, 1e-6) {
			t.Errorf("scan %d: the probe has %v photons, the patterns %v", i, power, powers[i])
		}
	}
	single, err := list[:1].light()
	if err != nil {
		t.Fatal(err)
	}
	if single.power != powers[0] || single.exposure[0] != 1 {
		t.Errorf("a scan alone: power %v of %v, exposure %v", single.power, powers[0], single.exposure)
	}
}

// TestScansAgainstThePhysics: a network of zeros says that nothing is there, so every pattern is compared with the
// probe of its own scan, as bright as that scan is.
func TestScansAgainstThePhysics(t *testing.T) {
	t.Parallel()
	const n = 64
	ort := fast(t, 1)
	list, data := two(t)
	light, err := list.light()
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct {
		gridsize int
		measured []bool // of the second scan
	}{{1, nil}, {2, nil}, {2, halfMeasured(n)}} {
		c, gridsize := small(), way.gridsize
		list[1].Measured, c.Photons = way.measured, 1e6
		c.Gridsize, c.BatchSize, c.Extent, c.Loss = gridsize, 9*gridsize*gridsize, models.Full, Loss{Poisson: 1,
			MAE: 0.5, Smoothness: 1}
		r, _ := request(c, list[0], ort)
		r.Scans = list
		b := bindRequest(t, r, 1)
		for _, p := range b.state.Parameters {
			clear(p.Data)
		}
		eps := r.Config.Floor
		loss := func(scan, pattern int) float64 {
			d := data[scan]
			probe := ndarray.Wrap(slices.Clone(d.Probe.Data), n, n)
			optics.NormalisePower(probe, n*n*light.exposure[scan])
			propagator := optics.NewPropagator(n)
			model, measured := make([]float64, n*n), make([]float64, n*n)
			propagator.Intensity(optics.ExitWave(optics.ShiftProbe(probe, frame.Fraction(d.Y[pattern]),
				frame.Fraction(d.X[pattern])), ones(n)), model)
			for i := range measured {
				measured[i] = math.Pow(float64(d.Patterns.Data[pattern*n*n+i]), 2) * n * n / light.power
			}
			model, measured = ofMeasured(list[scan], model), ofMeasured(list[scan], measured)
			return poissonLoss(model, measured, eps) + 0.5*amplitudeLoss(model, measured, 0.375*n*n/c.Photons)
		}
		want, count := 0.0, 0
		for _, group := range b.fitter.train.Groups {
			for _, m := range group {
				scan := b.fitter.train.Scan[m]
				at := slices.Index(data[scan].X, b.fitter.train.X[m])
				want, count = want+loss(scan, at), count+1
			}
		}
		// As in TestLossAgainstThePhysics.
		if got := b.run(t, b.firstGroups()); !testutil.Close(got, want/float64(count), 0, 1e-4) {
			t.Errorf("gridsize %d, masked %v: loss %v, want %v", gridsize, way.measured != nil, got,
				want/float64(count))
		}
	}
}

func TestGroupsStayWithinTheirScan(t *testing.T) {
	t.Parallel()
	data := []dataset.ScanData{simulated(t, 9, 1), brighter(t, 8)}
	list := scans{opened(t, data[0]), opened(t, data[1])}
	for _, fraction := range []float64{0, 0.3} {
		c := small()
		c.Gridsize, c.ValFraction = 2, fraction
		r, _ := request(c, list[0], engine.Tape{})
		r.Scans = list
		train, val, err := r.data()
		if err != nil {
			t.Fatal(err)
		}
		parts := []*Data{train}
		if fraction > 0 {
			parts = append(parts, val)
		}
		groups, seen := 0, map[int]bool{}
		for _, d := range parts {
			groups += len(d.Groups)
			for _, group := range d.Groups {
				for _, m := range group {
					scan := d.Scan[m]
					seen[scan] = true
					if scan != d.Scan[group[0]] {
						t.Fatalf("group %v mixes scans", group)
					}
					at := slices.Index(data[scan].X, d.X[m])
					if at < 0 || data[scan].Y[at] != d.Y[m] {
						t.Fatalf("pattern %d is at (%v, %v), where scan %d has none", m, d.X[m], d.Y[m], scan)
					}
					same(t, "pattern", d.Patterns.Data[m*64*64:(m+1)*64*64],
						data[scan].Patterns.Data[at*64*64:(at+1)*64*64])
				}
			}
		}
		if groups != 17 || len(seen) != 2 {
			t.Errorf("%d groups of %d scans", groups, len(seen))
		}
	}
}

// TestBatchesMixScans: a step of patterns of both.
func TestBatchesMixScans(t *testing.T) {
	t.Parallel()
	list, _ := two(t)
	c := small()
	c.BatchSize = 5
	r, _ := request(c, list[0], engine.Tape{})
	r.Scans = list
	b := bindRequest(t, r, 1)
	mixed := false
	for _, batch := range b.fitter.plan(1) {
		seen := map[int]bool{}
		for _, group := range batch {
			seen[b.fitter.train.Scan[b.fitter.train.Groups[group][0]]] = true
		}
		mixed = mixed || len(seen) == 2
	}
	if !mixed {
		t.Error("no batch holds patterns of both scans")
	}
}

// TestAProbeLearnsFromItsOwnScan: patterns of one scan give the other's probe no gradient.
func TestAProbeLearnsFromItsOwnScan(t *testing.T) {
	t.Parallel()
	list, _ := two(t)
	c := small()
	c.Probe = ProbeTrainable
	r, _ := request(c, list[0], fast(t, 1))
	r.Scans = list
	b := bindRequest(t, r, 1)
	unsettle(b.state)
	for scan := range list {
		group := slices.Index(b.fitter.train.Scan, scan) // groups of one: a group's number is its pattern's
		b.run(t, []int{group})
		grads := b.fitter.replicas[0].grads
		for _, g := range grads[len(grads)-2:] {
			for i := range list {
				if norm := sumSquares(g.Data[i*64*64 : (i+1)*64*64]); (norm > 0) != (i == scan) {
					t.Errorf("a pattern of scan %d: the gradient of probe %d has square %v", scan, i, norm)
				}
			}
		}
	}
}

// TestScansOfEmptyObjectsCountAlike: with an empty object, each scan has the same weighted loss, with a mask and
// without, however bright it is; and patterns have the weight 1 on average.
func TestScansOfEmptyObjectsCountAlike(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	for _, measured := range [][]bool{nil, halfMeasured(64)} {
		_, data := two(t)
		var list scans
		for _, d := range data {
			for i := range d.X { // a subpixel shift would change the highest frequency of a rough probe
				d.X[i], d.Y[i] = math.Round(d.X[i]), math.Round(d.Y[i])
			}
			list = append(list, opened(t, d))
		}
		list[1].Measured = measured
		c := small()
		c.BatchSize, c.Extent, c.Loss = 9, models.Full, Loss{Poisson: 1, MAE: 0.5, Smoothness: 1}
		r, _ := request(c, list[0], ort)
		r.Scans = list
		b := bindRequest(t, r, 1)
		for _, p := range b.state.Parameters {
			clear(p.Data)
		}
		var groups [2][]int
		for i, group := range b.fitter.train.Groups {
			scan := b.fitter.train.Scan[group[0]]
			groups[scan] = append(groups[scan], i)
		}
		before := [2]float64{b.run(t, groups[0]), b.run(t, groups[1])}
		training := training{request: r, train: b.fitter.train, state: b.state}
		if err := training.weighScans(b.step.Config); err != nil {
			t.Fatal(err)
		}
		after, sum := [2]float64{b.run(t, groups[0]), b.run(t, groups[1])}, 0.0
		for _, scan := range b.fitter.train.Scan {
			sum += float64(b.state.ScanWeights.Data[scan])
		}
		if mean := sum / float64(len(b.fitter.train.Scan)); !testutil.Close(mean, 1, 0, 1e-6) { // float32
			t.Errorf("mean weight %v", mean)
		}
		// As in TestLossAgainstThePhysics.
		if !testutil.Close(after[0], after[1], 0, 1e-4) || testutil.Close(before[0], before[1], 0, 0.5) {
			t.Errorf("masked %v: losses %v of empty objects, before %v", measured != nil, after, before)
		}
	}
}

// TestAScanWithoutSpecimenCountsAHundredfold: at most, although its empty object leaves no loss. Scans of known truth
// count alike.
func TestAScanWithoutSpecimenCountsAHundredfold(t *testing.T) {
	t.Parallel()
	const n = 64
	_, data := two(t)
	empty := make([]float64, n*n)
	optics.NewPropagator(n).Intensity(optics.ExitWave(data[1].Probe, ones(n)), empty)
	for i := range data[1].Patterns.Data {
		data[1].Patterns.Data[i] = float32(math.Sqrt(empty[i%(n*n)]))
	}
	c := small()
	c.Extent = models.Full
	r, _ := request(c, opened(t, data[0]), fast(t, 1))
	r.Scans = append(r.Scans, opened(t, data[1]))
	b := bindRequest(t, r, 1)
	weights := b.state.ScanWeights.Data
	training := training{request: r, train: b.fitter.train, state: b.state}
	for _, supervised := range []bool{true, false} {
		config, want := b.step.Config, 1/leastEmptyLoss
		if config.Supervised = supervised; supervised {
			want = 1
		}
		if err := training.weighScans(config); err != nil {
			t.Fatal(err)
		}
		if got := float64(weights[1] / weights[0]); !testutil.Close(got, want, 0, 1e-5) { // float32
			t.Errorf("supervised %v: weights %v", supervised, weights)
		}
	}
}

// trainTwo trains on two scans into dir.
func trainTwo(t *testing.T, ctx context.Context, eng engine.Engine, list scans, dir string, resume bool,
	afterBatch func(int)) *Result {
	t.Helper()
	c := small()
	c.MaxEpochs, c.ValFraction, c.Probe, c.Gridsize, c.BatchSize = 2, 0.2, ProbeTrainable, 2, 4
	r, progress := request(c, list[0], eng)
	progress.afterBatch = afterBatch
	r.Scans, r.Checkpoint = list, filepath.Join(dir, StateFile)
	if resume {
		r.Resume = r.Checkpoint
	}
	result, err := Train(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Save(dir); err != nil {
		t.Fatal(err)
	}
	return result
}

// TestSeveralScansAreSavedAndResumed: the run directory holds every probe and the model the first; a training that was
// stopped ends as an undisturbed one.
func TestSeveralScansAreSavedAndResumed(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	list, _ := two(t)
	undisturbed, cut := t.TempDir(), t.TempDir()
	want := trainTwo(t, context.Background(), ort, list, undisturbed, false, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	trainTwo(t, ctx, ort, list, cut, false, func(batches int) {
		if batches == 1 {
			cancel()
		}
	})
	trainTwo(t, context.Background(), ort, list, cut, true, nil)
	for _, name := range []string{ModelFile, BestFile, ProbeFile, ProbeImage} {
		if !bytes.Equal(read(t, cut, name), read(t, undisturbed, name)) {
			t.Errorf("%s differs", name)
		}
	}
	sameStates(t, StateFile, filepath.Join(cut, StateFile), filepath.Join(undisturbed, StateFile))

	m := contractOf(t, want.Model)
	if !slices.Equal(m.Probe.Data, want.Probes[0].Data) || len(want.Probes) != 2 ||
		slices.Equal(want.Probes[0].Data, want.Probes[1].Data) {
		t.Error("the model does not carry the first of two probes")
	}
	var digests []string
	for _, s := range list {
		digest, err := s.ContentDigest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if m.DataDigest != strings.Join(digests, " ") {
		t.Errorf("the model says data %q, they are %v", m.DataDigest, digests)
	}
	file, err := npz.Open(filepath.Join(undisturbed, ProbeFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	first, err := file.Complex64("probeGuess")
	if err != nil || !slices.Equal(first.Data, want.Probes[0].Data) {
		t.Errorf("probeGuess is not the first scan's (%v)", err)
	}
	all, err := file.Complex64("probes")
	if err != nil || !slices.Equal(all.Shape, []int{2, 64, 64}) ||
		!slices.Equal(all.Data, slices.Concat(want.Probes[0].Data, want.Probes[1].Data)) {
		t.Errorf("probes are not those of both scans (%v)", err)
	}
	light, err := list.light()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range want.Probes {
		if power := optics.Power(p); !testutil.Close(power, light.power*light.exposure[i], 0, 1e-6) {
			t.Errorf("probe %d ends with %v photons, its patterns have %v", i, power, light.power*light.exposure[i])
		}
	}

	// The same scans in another order are other data: the probes would be exchanged.
	c := small()
	c.MaxEpochs, c.Gridsize, c.Probe = 2, 2, ProbeTrainable
	r, _ := request(c, list[0], ort)
	r.Scans, r.Resume = scans{list[1], list[0]}, filepath.Join(undisturbed, StateFile)
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != "data_sha256" {
		t.Errorf("resumed with the scans exchanged: %v", err)
	}
}

// TestValidationScansHaveAPlace: each is seen with the probe of the training scan at its place.
func TestValidationScansHaveAPlace(t *testing.T) {
	t.Parallel()
	list, data := two(t)
	c := small()
	r, _ := request(c, list[0], fast(t, 1))
	r.Scans, r.Validation = list, scans{opened(t, data[0]), opened(t, data[1])}
	b := bindRequest(t, r, 1)
	sum := 0.0
	for group := range b.fitter.train.Groups {
		sum += b.run(t, []int{group}) / 9
	}
	// The same patterns with the same probes, in other sums.
	if got, err := b.fitter.validate(); err != nil || !testutil.Close(got, sum, 0, 1e-6) {
		t.Errorf("validation loss %v (%v), the same patterns to train on have %v", got, err, sum)
	}
	r.Validation = append(r.Validation, r.Validation[0])
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != "test_data_file" {
		t.Errorf("three validation scans for two: %v", err)
	}
}

func TestScansOfAnotherSizeAreRefused(t *testing.T) {
	t.Parallel()
	wide := brighter(t, 1)
	wide.Patterns = ndarray.New[float32](1, 128, 128)
	wide.Patterns.Data[0] = 1
	wide.Probe = ones(128)
	r, _ := request(small(), opened(t, simulated(t, 2, 1)), engine.Tape{})
	r.Scans = append(r.Scans, opened(t, wide))
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.File != r.Scans[1].Path {
		t.Errorf("error %v", err)
	}
}
