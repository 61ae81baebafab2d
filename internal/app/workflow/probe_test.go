package workflow

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/export/variant"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/internal/service/watch"
	"ptyx/models"
	"ptyx/trainer"
)

// behind writes a scan of 100 patterns of 64 x 64 pixels behind a probe.
func behind(t *testing.T, probe simulate.ProbeKind, photons float64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), string(probe)+".npz")
	if _, err := simulate.File(t.Context(), path, simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: probe, ProbeSize: 18,
		Scan: simulate.Fermat, Count: 100, Step: 4, Photons: photons, Seed: 4,
	}); err != nil {
		t.Fatal(err)
	}
	return path
}

// probeFile writes a file with nothing but a probe.
func probeFile(t *testing.T, probe *ndarray.Complex64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe.npz")
	if err := npz.Write(path, []npz.Member{{Key: dataset.KeyProbe, Value: probe}}); err != nil {
		t.Fatal(err)
	}
	return path
}

// probeOf reads the probe of a file.
func probeOf(t *testing.T, path string) *ndarray.Complex64 {
	t.Helper()
	probe, err := dataset.ReadProbe(path, 64, "", silent())
	if err != nil {
		t.Fatal(err)
	}
	return probe
}

// curved is a probe (64, 64) with the wavefront of a defocus.
func curved(probe *ndarray.Complex64) *ndarray.Complex64 {
	out := probe.Clone()
	for i := range out.Data {
		y, x := float64(i/64-32), float64(i%64-32)
		out.Data[i] *= complex64(cmplx.Rect(1, 0.004*(y*y+x*x)))
	}
	return out
}

// takingProbe trains a network that takes the probe.
func takingProbe(t *testing.T, scan string, epochs int) TrainOptions {
	t.Helper()
	o := options(t, engine.KindORT)
	o.TrainFiles, o.Config.Network, o.Config.Extent = Paths{scan}, models.Unrolled, models.Full
	o.Config.BatchSize, o.Config.MaxEpochs, o.Config.ProbePasses = 8, trainer.Epochs(epochs), 2
	trained(t, o)
	return o
}

// withProbe infers and returns the output directory, the correlation with the scan's truth, and the log.
func withProbe(t *testing.T, o InferOptions) (dir string, correlation float64, log string) {
	t.Helper()
	var lines bytes.Buffer
	o.OutputDir, o.Selection = filepath.Join(t.TempDir(), "out"), all(16)
	if _, err := Infer(context.Background(), o, slog.New(slog.NewTextHandler(&lines, nil))); err != nil {
		t.Fatal(err)
	}
	r, err := evaluate.Files(evaluate.Options{Recon: o.OutputDir, Reference: o.Scan})
	if err != nil {
		t.Fatal(err)
	}
	return o.OutputDir, r.Report.Correlation, lines.String()
}

// The exposure of a scan does not matter: its object is that of the training's exposure.
func TestInferAtAnotherExposure(t *testing.T) {
	scan := behind(t, simulate.ZonePlate, 1e6)
	run := takingProbe(t, scan, 2)
	dir, want, log := withProbe(t, InferOptions{Model: run.OutputDir, Scan: scan, Engine: run.Engine})
	if strings.Contains(log, "exposure") || hasNetworkProbe(t, dir) {
		t.Errorf("the scan of the training is taken to be of another exposure: %s", log)
	}
	for _, factor := range []float32{0.1, 30} { // of the amplitudes
		o := InferOptions{Model: run.OutputDir, Scan: scaled(t, scan, factor), Engine: run.Engine}
		dir, got, log := withProbe(t, o)
		if !(math.Abs(got-want) < 1e-3) || !strings.Contains(log, "another exposure") || !hasNetworkProbe(t, dir) {
			t.Errorf("amplitudes times %g: correlation %.4f, want %.4f; log %q", factor, got, want, log)
		}
	}
}

// hasNetworkProbe reports whether a result says that another probe than the model's was used.
func hasNetworkProbe(t *testing.T, dir string) bool {
	t.Helper()
	f, err := npz.Open(filepath.Join(dir, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Has(reconstruct.KeyNetworkProbe)
}

// scaled writes a scan with its amplitudes multiplied by a factor.
func scaled(t *testing.T, path string, factor float32) string {
	t.Helper()
	scan, err := dataset.Open(path, dataset.Options{Input: dataset.Amplitude})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	patterns, err := scan.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i := range patterns.Data {
		patterns.Data[i] *= factor
	}
	out := filepath.Join(t.TempDir(), "scaled.npz")
	if err := dataset.Write(out, dataset.ScanData{
		Patterns: patterns, X: scan.X, Y: scan.Y, Probe: scan.Probe, Object: scan.Object,
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// A network trained behind a zone plate reconstructs a scan behind a Gaussian probe if it is given that probe, of any
// power. The result holds the probe and says where it is from.
func TestInferWithTheProbeOfTheScan(t *testing.T) {
	first, second := behind(t, simulate.ZonePlate, 1e6), behind(t, simulate.Gaussian, 2e5)
	run := takingProbe(t, first, 4)
	given := probeOf(t, second)
	const warning = "unlike that of the model"
	o := InferOptions{Model: run.OutputDir, Scan: second, Engine: run.Engine}

	_, model, log := withProbe(t, o)
	if strings.Count(log, warning) != 1 || !strings.Contains(log, "--probe scan") {
		t.Errorf("with the model's probe the log says %q", log)
	}
	if !strings.Contains(log, "another exposure") { // a fifth of the photons
		t.Errorf("with the model's probe the log says %q", log)
	}
	louder := given.Clone()
	optics.NormalisePower(louder, 7)
	wrong := curved(given)
	o.Probe = ProbeChoice{From: probeFile(t, wrong)}
	_, uncalibrated, _ := withProbe(t, o)
	for name, c := range map[string]struct {
		choice ProbeChoice
		source string
	}{
		"scan":       {ProbeChoice{From: ScanProbe}, "scan"},
		"file":       {ProbeChoice{From: probeFile(t, louder)}, "probe.npz"},
		"calibrated": {ProbeChoice{From: probeFile(t, wrong), Passes: 20}, "probe.npz, 20 calibrating passes"},
	} {
		o.Probe = c.choice
		dir, reached, log := withProbe(t, o)
		t.Logf("%s: %.3f, model %.3f, not calibrated %.3f", name, reached, model, uncalibrated)
		if !(reached > 0.75) || !(model < 0.5) || !(uncalibrated < 0.7) {
			t.Errorf("%s: a correlation of %.3f, with the model's probe %.3f, with a wrong one %.3f",
				name, reached, model, uncalibrated)
		}
		if strings.Contains(log, warning) {
			t.Errorf("%s: %s", name, log)
		}
		path := filepath.Join(dir, reconstruct.ObjectFile)
		used := probeOf(t, path)
		if likeness, _ := optics.Likeness(used, given); likeness < 0.98 {
			t.Errorf("%s: the result's probe has a likeness of %.3f", name, likeness)
		}
		if power := optics.Power(used); math.Abs(power-2e5) > 4e3 {
			t.Errorf("%s: the result's probe has %.0f photons, a mean pattern 200000", name, power)
		}
		f, err := npz.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		source, _ := f.String(reconstruct.KeyNetworkProbe)
		digest, _ := f.String(reconstruct.KeyNetworkProbeDigest)
		f.Close()
		if !strings.HasSuffix(source, c.source) || digest != optics.ProbeDigest(used) {
			t.Errorf("%s: the result says %q, digest %q", name, source, digest)
		}
	}

	o.Scan, o.Probe = first, ProbeChoice{}
	if _, _, log := withProbe(t, o); strings.Contains(log, warning) {
		t.Errorf("on its training scan: %s", log)
	}
}

// The scan of a training is not compared, however its probe was changed by the training.
func TestTheTrainingScanIsKnown(t *testing.T) {
	path := behind(t, simulate.Gaussian, 1e6)
	scan, err := dataset.Open(path, dataset.Options{NoObject: true})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	digest, err := scan.ContentDigest()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := InferOptions{Scan: path}.open(0, silent())
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	other := probeOf(t, behind(t, simulate.ZonePlate, 1))
	for of, warned := range map[string]bool{"another": true, "one " + digest: false} {
		var log bytes.Buffer
		c := contract.Contract{Network: "estimate", Probe: other, DataDigest: of}
		if err := warnIfUnlike(opened, c, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if got := log.Len() > 0; got != warned || got && !strings.Contains(log.String(), "a network that takes") {
			t.Errorf("trained on %q: %q", of, log.String())
		}
	}
}

// The solver begins with the probe that the network had, and the result still says where that was from.
func TestRefinementBeginsWithTheChosenProbe(t *testing.T) {
	path := behind(t, simulate.Gaussian, 1e6)
	run := takingProbe(t, path, 0)
	moved := optics.ShiftProbe(probeOf(t, path), 9, 0)
	o := InferOptions{
		Model: run.OutputDir, Scan: path, Engine: run.Engine, Refine: 1, Probe: ProbeChoice{From: probeFile(t, moved)},
	}
	dir, _, _ := withProbe(t, o)
	if _, shift := optics.Likeness(probeOf(t, filepath.Join(dir, SolvedProbeFile)), moved); shift > 2 {
		t.Errorf("the refined probe is %.1f pixels away", shift)
	}
	f, err := npz.Open(filepath.Join(dir, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if source, err := f.String(reconstruct.KeyNetworkProbe); err != nil || source != o.Probe.From {
		t.Errorf("the result says %q (%v)", source, err)
	}
}

func TestInferRefusesProbes(t *testing.T) {
	path := behind(t, simulate.Gaussian, 1e6)
	taking := takingProbe(t, path, 0).OutputDir
	o := options(t, engine.KindORT)
	o.Config.Network, o.Config.MaxEpochs = models.Pattern, 0
	trained(t, o)
	filled := func(value complex64, side int) string {
		return probeFile(t, ndarray.Wrap(slices.Repeat([]complex64{value}, side*side), side, side))
	}
	scan, err := simulate.Run(t.Context(), simulate.Options{
		N: 128, Object: simulate.Blobs, Phase: 1, Probe: simulate.Gaussian, ProbeSize: 18, Scan: simulate.Fermat,
		Count: 2, Step: 4, Photons: 1e4, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	larger := filepath.Join(t.TempDir(), "larger.npz")
	if err := dataset.Write(larger, scan); err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		model, scan string
		probe       ProbeChoice
		words       []string
	}{
		"zeros":      {taking, path, ProbeChoice{From: filled(0, 64)}, []string{"probe.npz", "zero everywhere"}},
		"not finite": {taking, path, ProbeChoice{From: filled(complex(nan, 0), 64)}, []string{"finite"}},
		"too small":  {taking, path, ProbeChoice{From: filled(1, 32)}, []string{"(32, 32)", "(64, 64)"}},
		"no file":    {taking, path, ProbeChoice{From: "absent.npz"}, []string{"absent.npz"}},
		"no probe in it": {taking, path, ProbeChoice{From: filepath.Join(taking, "metrics.csv")},
			[]string{"metrics.csv"}},
		"another N":         {taking, larger, ProbeChoice{From: ScanProbe}, []string{"128 x 128", "64 x 64"}},
		"a network without": {o.OutputDir, path, ProbeChoice{From: ScanProbe}, []string{"model", "takes the probe"}},
		"calibrated":        {o.OutputDir, path, ProbeChoice{Passes: 3}, []string{"takes the probe"}},
		"negative passes":   {taking, path, ProbeChoice{Passes: -1}, []string{"--probe-passes", "-1"}},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		_, err := Infer(context.Background(), InferOptions{
			Model: c.model, Scan: c.scan, Probe: c.probe, OutputDir: dir, Selection: all(4), Engine: o.Engine,
		}, silent())
		var bad *badinput.Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
		if strings.Contains(err.Error(), "--probe-file") {
			t.Errorf("%s: %q names a flag that infer does not have", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: an output directory was left", name)
		}
	}
}

// watch reconstructs with the probe of a file, at the power of the patterns, and refuses to take that of a scan which
// is still measured. It warns of a model's probe that is unlike the one in the part file.
func TestWatchWithTheProbeOfAFile(t *testing.T) {
	path := behind(t, simulate.Gaussian, 2e5)
	run := takingProbe(t, behind(t, simulate.ZonePlate, 1e6), 1)
	o := WatchOptions{
		Model: run.OutputDir, OutputDir: filepath.Join(t.TempDir(), "out"), Engine: run.Engine, KeepBytes: 1 << 20,
		Watch: watch.Options{
			Path: filepath.Dir(path), FramesPerFile: 100, Frames: 100, Interval: time.Millisecond, BatchSize: 16,
		},
	}
	numbered := filepath.Join(filepath.Dir(path), "part_0.npz")
	if err := os.Rename(path, numbered); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for _, from := range []string{ModelProbe, numbered} {
		o.Probe.From = from
		log.Reset()
		if _, err := Watch(context.Background(), o, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(log.String(), "unlike that of the model"); warned != (from == ModelProbe) {
			t.Errorf("--probe %s: the log says %q", from, &log)
		}
	}
	result := filepath.Join(o.OutputDir, reconstruct.ObjectFile)
	used := probeOf(t, result)
	likeness, _ := optics.Likeness(used, probeOf(t, numbered))
	if photons := optics.Power(used); likeness < 0.999 || photons < 1e5 || photons > 2.5e5 {
		t.Errorf("the probe of the result has a likeness of %.3f, and %.3g photons", likeness, photons)
	}
	f, err := npz.Open(result)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if source, err := f.String(reconstruct.KeyNetworkProbe); err != nil || source != numbered+reconstruct.ScaledSource {
		t.Errorf("the result says %q (%v)", source, err)
	}

	for from, word := range map[string]string{ScanProbe: "name a file", "absent.npz": "absent.npz"} {
		o.Probe.From, o.OutputDir = from, filepath.Join(t.TempDir(), "out")
		var bad *badinput.Error
		_, err := Watch(context.Background(), o, silent())
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), word) {
			t.Errorf("--probe %s: %v", from, err)
		}
		if _, err := os.Stat(o.OutputDir); err == nil {
			t.Errorf("--probe %s: an output directory was left", from)
		}
	}
}

// A model that was exported with the probe of a scan reconstructs as infer does with that probe.
func TestExportWithTheProbeOfTheScan(t *testing.T) {
	second := behind(t, simulate.Gaussian, 2e5)
	run := takingProbe(t, behind(t, simulate.ZonePlate, 1e6), 1)
	original, _, c, err := contract.Load(run.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	o := ExportOptions{
		Model: run.OutputDir, Output: filepath.Join(t.TempDir(), "other.onnx"), Engine: run.Engine,
		Scan: second, Probe: ProbeChoice{From: ScanProbe},
	}
	if _, err := Export(context.Background(), o, silent()); err != nil {
		t.Fatal(err)
	}
	infer := InferOptions{Model: run.OutputDir, Scan: second, Engine: run.Engine, Probe: o.Probe}
	direct, _, _ := withProbe(t, infer)
	infer.Model, infer.Probe = o.Output, ProbeChoice{}
	exported, _, log := withProbe(t, infer)
	if !slices.Equal(object(t, exported).Data, object(t, direct).Data) || strings.Contains(log, "unlike") {
		t.Errorf("the exported model gives another object, or the log warns: %s", log)
	}
	_, m, _, err := contract.Load(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	changes, _ := m.Property(variant.KeyChanges)
	if source, _ := m.Property(variant.KeySource); changes != "another probe" || source != contract.Digest(original) {
		t.Errorf("the metadata say %q, made of %q", changes, source)
	}

	o.Scan, o.Probe.From, o.Variant.Simplify = "", second, true // at the power of the model's probe
	if _, err := Export(context.Background(), o, silent()); err != nil {
		t.Fatal(err)
	}
	_, _, other, err := contract.Load(o.Output)
	if err != nil || math.Abs(other.Photons/optics.Power(c.Probe)-1) > 1e-4 {
		t.Errorf("%.0f photons (%v), expected %.0f", other.Photons, err, optics.Power(c.Probe))
	}

	fixed := options(t, engine.KindORT)
	fixed.Config.Network, fixed.Config.MaxEpochs = models.Pattern, 0
	trained(t, fixed)
	o.Model, o.Output = fixed.OutputDir, filepath.Join(t.TempDir(), "refused.onnx")
	var bad *badinput.Error
	if _, err := Export(context.Background(), o, silent()); !errors.As(err, &bad) || bad.File != o.Model {
		t.Errorf("a network without a probe: %v", err)
	}
	if _, err := os.Stat(o.Output); err == nil {
		t.Error("a refused variant was written")
	}
}
