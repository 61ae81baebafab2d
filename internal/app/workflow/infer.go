package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
	ort "ptyx/runtime"
)

// InferOptions describe a reconstruction by a network.
type InferOptions struct {
	Model     string // .onnx file or run directory; empty: the general network
	Scan      string
	Read      dataset.Options // how to read the scan
	Probe     ProbeChoice     // of a network that takes the probe
	OutputDir string
	Selection reconstruct.Options
	Refine    int // passes of the solver afterwards; 0: none
	Engine    engine.Options
	Cluster   cluster.Address // of a broker whose workers run the network; without URL it runs here
	InFlight  int             // most batches at the workers at once
	Settings  []byte          // of the command, written beside the object; nil: none
	Progress  io.Writer       // reports each pass; nil: nowhere
}

// check refuses, before any work, options that cannot be run or saved.
func (o InferOptions) check() error {
	s := o.Selection
	if s.Count < 0 {
		return &badinput.Error{Key: "n_images", Found: fmt.Sprint(s.Count), Expected: "0 (all) or more"}
	}
	if o.Refine < 0 {
		return &badinput.Error{Key: "--refine", Found: fmt.Sprint(o.Refine), Expected: "0 (none) or a number of passes"}
	}
	if err := o.Probe.check(); err != nil {
		return err
	}
	if o.Model == "" && o.Probe.fromModel() {
		return noGeneralProbe("scan, or a file with a probe")
	}
	if o.Cluster.URL != "" && s.BatchSize < 1 {
		return &badinput.Error{Key: "batch_size", Found: fmt.Sprint(s.BatchSize), Expected: "1 or more"}
	}
	if err := o.Engine.Check(); err != nil {
		return err
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// Reconstruction describes an object that a network, a solver or both have found and written.
type Reconstruction struct {
	OutputDir string    `json:"output_dir"`
	Patterns  int       `json:"patterns"`
	Device    string    `json:"device"`          // an execution provider of ONNX Runtime, tape or Go
	Fallback  string    `json:"device_fallback"` // why the CPU computed although auto found CUDA; empty: it did not
	Object    [2]int    `json:"object"`          // height and width
	Solver    *Solution `json:"solver"`          // null: a network alone
	// Unexplained is that of reconstruct.Fit; null for a solver, or if it is unknown.
	Unexplained *float64 `json:"unexplained"`
	// Resolution is null unless two halves of the scan were solved, too.
	Resolution *Resolution `json:"resolution"`
}

// Resolution is where the Fourier ring correlation of two halves of the scan falls below its thresholds.
type Resolution struct {
	AtHalfBit metrics.Cutoff `json:"at_half_bit"`
	AtSeventh metrics.Cutoff `json:"at_1_7"`
}

func (r Resolution) String() string {
	if r.AtHalfBit.BelowFirstRings {
		return "the halves of the scan agree on nothing"
	}
	text := fmt.Sprintf("resolution %.3g pixels", r.AtHalfBit.HalfPeriod)
	if nm := r.AtHalfBit.HalfPeriodNM; nm > 0 {
		text += fmt.Sprintf(" (%.3g nm)", nm)
	}
	return fmt.Sprintf("%s at half a bit, %.3g at 1/7", text, r.AtSeventh.HalfPeriod)
}

// Solution is what a solver reached.
type Solution struct {
	Method   solve.Method `json:"method"`
	Passes   int          `json:"passes"`
	Residual float64      `json:"residual"`
}

func (r Reconstruction) String() string {
	size := fmt.Sprintf("object %d x %d", r.Object[0], r.Object[1])
	if s := r.Solver; s != nil {
		text := fmt.Sprintf("%s: %d passes of %s on %s, residual %.5f, %s",
			r.OutputDir, s.Passes, s.Method, r.Device, s.Residual, size)
		if r.Resolution != nil {
			text += ", " + r.Resolution.String()
		}
		return text
	}
	return fmt.Sprintf("%s: %d patches on %s, %s", r.OutputDir, r.Patterns, r.Device, size)
}

// Infer reconstructs the object of a scan and writes it with its pictures.
func Infer(ctx context.Context, o InferOptions, log *slog.Logger) (*Reconstruction, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	var model network
	var err error
	if o.Model != "" {
		if model, err = loadNetwork(o.Model); err != nil {
			return nil, err
		}
	}
	scan, err := o.open(model.contract.N, log)
	if err != nil {
		return nil, err
	}
	defer scan.Close()
	if o.Model == "" {
		if model, err = generalNetwork(scan); err != nil {
			return nil, err
		}
	}
	digest := contract.Digest(model.file)
	warnOfFaults(ctx, scan, cmp.Or(scan.Probe, model.contract.Probe), log)
	if err := o.Probe.apply(ctx, &model, scan, o.Selection.Seed, o.Engine, log); err != nil {
		return nil, ofModel(err, o.Model)
	}
	result, err := o.reconstruct(ctx, scan, model, log)
	if err != nil {
		return nil, ofModel(err, o.Model)
	}
	if model.contract.TakesProbe() {
		warnOfFit(scan, result.Fit, o.Probe, log)
	}
	if o.Probe.fromModel() {
		if err := warnIfUnlike(scan, model.contract, log); err != nil {
			return nil, err
		}
	}
	if o.Refine > 0 {
		return o.refine(ctx, scan, result, digest)
	}
	if err := result.Save(o.OutputDir, digest); err != nil {
		return nil, err
	}
	if err := saveSettings(o.OutputDir, o.Settings); err != nil {
		return nil, err
	}
	saved := &Reconstruction{
		OutputDir: o.OutputDir, Patterns: result.Patches, Device: result.Provider, Fallback: result.Fallback,
		Object: [2]int(result.Object.Shape), Unexplained: known(result.Fit),
	}
	return saved, nil
}

// open opens the scan with the probe that was chosen. side is that of the patterns of a model, or 0.
func (o InferOptions) open(side int, log *slog.Logger) (*dataset.Scan, error) {
	read := o.Probe.read(o.Read)
	read.NoObject, read.Side, read.Log = true, side, log
	scan, err := dataset.Open(o.Scan, read)
	if err != nil {
		return nil, ofProbe(err)
	}
	if read.NoProbe {
		noteOwnProbe(scan, o.Read)
	}
	return scan, nil
}

// reconstruct runs the network here or at the workers of a broker.
func (o InferOptions) reconstruct(
	ctx context.Context, scan *dataset.Scan, n network, log *slog.Logger,
) (result *reconstruct.Result, err error) {
	if o.Cluster.URL != "" {
		result, err = o.gather(ctx, scan, n.file, n.contract, log)
	} else {
		result, err = o.reconstructHere(ctx, scan, n)
	}
	if err != nil {
		return nil, err
	}
	result.Extra = n.extra
	if result.Unturned != nil {
		log.Warn("the patches were not turned to one phase, so the object is less good: set TMPDIR to a directory "+
			"with room", "scan", scan.Path, "reason", result.Unturned)
	}
	if result.Untrended != nil {
		log.Warn("the object has no trend, so it is less good: set TMPDIR to a directory with room", "scan", scan.Path,
			"reason", result.Untrended)
	}
	if skipped := result.Skipped; len(skipped) > 0 {
		log.Warn("patterns were left out, because their object is out of range: look for hot pixels",
			"scan", scan.Path, "patterns", len(skipped), "first", skipped[0])
	}
	return result, nil
}

// reconstructHere runs the network, and closes it before the object is completed.
func (o InferOptions) reconstructHere(
	ctx context.Context, scan *dataset.Scan, n network,
) (*reconstruct.Result, error) {
	selection, options := o.Selection, o.Engine
	patterns := scan.M
	if selection.Count > 0 {
		patterns = min(patterns, selection.Count)
	}
	selection.Workers, options.Threads = shareThreads(o.Engine, patterns/max(1, selection.BatchSize))
	var predicted *reconstruct.Reconstruction
	var provider, fallback string
	err := withPredictor(options, n.file, func(p predict.Predictor) (err error) {
		provider, fallback = p.Provider(), p.Fallback()
		if provider == ort.CUDAProvider {
			selection.Workers = 1 // a GPU computes one batch after the other
		}
		predicted, err = reconstruct.Predict(ctx, p, scan, n.contract, selection)
		return err
	})
	if predicted == nil {
		return nil, err
	}
	if err != nil { // of closing the network
		predicted.Close()
		return nil, err
	}
	result, err := predicted.Finish(ctx, provider)
	if err != nil {
		return nil, err
	}
	result.Fallback = fallback
	return result, nil
}

// shareThreads divides the threads of ONNX Runtime between batches, and within each batch. One thread for each
// batch avoids waiting, so it is faster as long as there are enough batches. The bytes are the same.
func shareThreads(o engine.Options, batches int) (workers, threads int) {
	if n := o.ThreadCount(); o.Kind == engine.KindORT && batches >= 4*n {
		return n, 1
	}
	return 1, o.Threads
}

// openPatterns opens a scan without its probe and object, which the model or the solver supplies.
func openPatterns(path string, read dataset.Options, log *slog.Logger) (*dataset.Scan, error) {
	read.NoProbe, read.NoObject, read.Log = true, true, log
	return dataset.Open(path, read)
}

// withPredictor calls f with a predictor of the model, which it closes afterwards.
func withPredictor(o engine.Options, model []byte, f func(predict.Predictor) error) error {
	p, release, err := local.Open(o, model)
	if err != nil {
		return err
	}
	return errors.Join(f(p), p.Close(), release())
}

// SettingsFile holds the settings with which an object was reconstructed. A run directory has config.yaml instead.
const SettingsFile = "reconstruction.yaml"

// saveSettings writes settings, if there are any, beside an object.
func saveSettings(dir string, settings []byte) error {
	if settings == nil {
		return nil
	}
	return destination.WriteFile(filepath.Join(dir, SettingsFile), settings, 0o644)
}

// refine improves the network's object by iteration, as ptyx refine does, and saves the solution.
func (o InferOptions) refine(
	ctx context.Context, scan *dataset.Scan, r *reconstruct.Result, digest string,
) (*Reconstruction, error) {
	ids := make([]int, len(r.IDs))
	for i, id := range r.IDs {
		ids[i] = int(id)
	}
	patterns, err := scan.LoadSelected(ids)
	if err != nil {
		return nil, err
	}
	job := refinement(r, solve.Amplitudes{Float32: patterns}, o.Refine, o.Engine)
	job.problem.Measured, job.solver.Seed = scan.Measured, o.Selection.Seed
	job.scan, job.outputDir, job.settings = o.Scan, o.OutputDir, o.Settings
	job.digest, job.progress, job.extra = digest, o.Progress, r.Extra
	return job.run(ctx)
}

// refinement starts the usual solver from a network's object.
func refinement(r *reconstruct.Result, patterns solve.Patterns, passes int, engine engine.Options) solution {
	return solution{
		engine: engine, solver: solve.Defaults(passes), ids: r.IDs, view: view{r.Scale, r.Geometry},
		problem: solve.Problem{
			Patterns: patterns, X: r.X, Y: r.Y, Probe: r.Probe, Object: r.Object, Row: r.Row, Col: r.Col,
		},
	}
}

// ofModel adds a model's path to an input error about the model that names no file.
func ofModel(err error, path string) error { return ofFile(err, path, "graph", dataset.KeyProbe) }

// ofFile adds a path to an input error that names no file and concerns one of keys; without keys, to any such error.
func ofFile(err error, path string, keys ...string) error {
	var bad *badinput.Error
	if errors.As(err, &bad) && bad.File == "" && (len(keys) == 0 || slices.Contains(keys, bad.Key)) {
		bad.File = path
		return bad // without its wrapping, whose text is already made
	}
	return err
}
