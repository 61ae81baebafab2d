package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
)

// InferOptions is a whole reconstruction.
type InferOptions struct {
	Model     string // .onnx file or run directory
	Scan      string
	Input     dataset.InputKind
	Layout    dataset.Orientation // of the patterns' array
	View      dataset.View
	OutputDir string
	Count     int
	Seed      uint64
	BatchSize int
	Refine    int // passes of the solver that follow; 0: none
	Engine    engine.Options
	Cluster   cluster.Address // of a broker whose workers run the network; without URL it runs here
	InFlight  int             // batches that are with the workers at once, at most
	Settings  []byte          // of the command, to be written beside the object; nil: none
	Progress  io.Writer       // is told of each pass; nil: nobody
}

// check refuses, before any work, what cannot be run or saved in the end.
func (o InferOptions) check() error {
	if o.Count < 0 {
		return &badinput.Error{Key: "n_images", Found: fmt.Sprint(o.Count), Expected: "0 (all) or more"}
	}
	if o.Refine < 0 {
		return &badinput.Error{Key: "--refine", Found: fmt.Sprint(o.Refine), Expected: "0 (not at all) or a number of passes"}
	}
	if o.Cluster.URL != "" && o.BatchSize < 1 {
		return &badinput.Error{Key: "batch_size", Found: fmt.Sprint(o.BatchSize), Expected: "1 or more"}
	}
	if err := o.Engine.Check(); err != nil {
		return err
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// Reconstruction is an object that was found and written, by a network, a solver, or one after the other.
type Reconstruction struct {
	OutputDir string    `json:"output_dir"`
	Patterns  int       `json:"patterns"`
	Device    string    `json:"device"` // that computed: an execution provider of ONNX Runtime, tape or Go
	Object    [2]int    `json:"object"` // height and width
	Solver    *Solution `json:"solver"` // null: a network alone
}

// Solution is what a solver reached.
type Solution struct {
	Method   solve.Method `json:"method"`
	Passes   int          `json:"passes"`
	Residual float64      `json:"residual"`
}

func (r Reconstruction) String() string {
	if s := r.Solver; s != nil {
		return fmt.Sprintf("%s: %d passes of %s on %s, residual %.5f, object %d x %d",
			r.OutputDir, s.Passes, s.Method, r.Device, s.Residual, r.Object[0], r.Object[1])
	}
	return fmt.Sprintf("%s: %d patches on %s, object %d x %d", r.OutputDir, r.Patterns, r.Device, r.Object[0], r.Object[1])
}

// Infer reconstructs the object of a scan and writes it with its pictures.
func Infer(ctx context.Context, o InferOptions, log *slog.Logger) (*Reconstruction, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	model, _, c, err := contract.Load(o.Model)
	if err != nil {
		return nil, err
	}
	scan, err := dataset.Open(o.Scan, dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View, NoProbe: true, NoObject: true, Log: log})
	if err != nil {
		return nil, err
	}
	defer scan.Close()
	run := o.alone
	if o.Cluster.URL != "" {
		run = o.together
	}
	result, err := run(ctx, scan, model, c, log)
	if err != nil {
		return nil, ofModel(err, o.Model)
	}
	digest := contract.Digest(model)
	if o.Refine > 0 {
		return o.refine(ctx, scan, result, digest)
	}
	if err := result.Save(o.OutputDir, digest); err != nil {
		return nil, err
	}
	if err := saveSettings(o.OutputDir, o.Settings); err != nil {
		return nil, err
	}
	return &Reconstruction{
		OutputDir: o.OutputDir, Patterns: result.Patches, Device: result.Provider, Object: [2]int{result.Object.Shape[0], result.Object.Shape[1]},
	}, nil
}

// SettingsFile holds the settings with which an object was made. A run directory's own are in config.yaml.
const SettingsFile = "reconstruction.yaml"

// saveSettings writes settings, if there are any, beside an object.
func saveSettings(dir string, settings []byte) error {
	if settings == nil {
		return nil
	}
	return destination.WriteFile(filepath.Join(dir, SettingsFile), settings, 0o644)
}

func (o InferOptions) selection() reconstruct.Options {
	return reconstruct.Options{Count: o.Count, Seed: o.Seed, BatchSize: o.BatchSize}
}

// alone runs the network here.
func (o InferOptions) alone(ctx context.Context, scan *dataset.Scan, model []byte, c contract.Contract, _ *slog.Logger) (*reconstruct.Result, error) {
	predictor, release, err := local.Open(o.Engine, model)
	if err != nil {
		return nil, err
	}
	result, err := reconstruct.Run(ctx, predictor, scan, c, o.selection())
	if closeErr := predictor.Close(); err == nil {
		err = closeErr
	}
	if closeErr := release(); err == nil {
		err = closeErr
	}
	return result, err
}

// refine goes on from the network's object and the model's probe as ptyx refine does, and saves what comes of it.
func (o InferOptions) refine(ctx context.Context, scan *dataset.Scan, r *reconstruct.Result, digest string) (*Reconstruction, error) {
	ids := make([]int, len(r.IDs))
	for i, id := range r.IDs {
		ids[i] = int(id)
	}
	patterns, err := scan.LoadSelected(ids)
	if err != nil {
		return nil, err
	}
	job := refinement(r, patterns, o.Refine, o.Engine)
	job.problem.Measured, job.settings = scan.Measured, o.Settings
	job.scan, job.outputDir, job.digest, job.progress, job.solver.Seed = o.Scan, o.OutputDir, digest, o.Progress, o.Seed
	return job.run(ctx)
}

// refinement is what goes on from a network's object, with the usual solver.
func refinement(r *reconstruct.Result, patterns *ndarray.Float32, passes int, engine engine.Options) solution {
	return solution{
		engine: engine, solver: solve.Defaults(passes), ids: r.IDs,
		problem: solve.Problem{Patterns: patterns, X: r.X, Y: r.Y, Probe: r.Probe, Object: r.Object, Row: r.Row, Col: r.Col},
	}
}

// ofModel names the model at a path in a complaint about it that has no file: those about scans have theirs.
func ofModel(err error, path string) error { return ofFile(err, path, "graph", dataset.KeyProbe) }

// ofFile names a file in a complaint that has none and is about one of the keys; without keys, whatever it is about.
func ofFile(err error, path string, keys ...string) error {
	var bad *badinput.Error
	if errors.As(err, &bad) && bad.File == "" && (len(keys) == 0 || slices.Contains(keys, bad.Key)) {
		bad.File = path
		return bad // alone: what wraps it has its old words
	}
	return err
}
