package workflow

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"ptyx/export"
	"ptyx/internal/app/progress"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/listen"
	"ptyx/internal/service/live"
	"ptyx/trainer"
)

// TrainOptions describe a training. config.yaml holds them by keys, which are the names of the flags of ptyx train.
type TrainOptions struct {
	TrainFiles Paths               `yaml:"train_data_file"`
	TestFiles  Paths               `yaml:"test_data_file,omitempty"` // each seen with the probe of a training scan
	ProbeFiles Paths               `yaml:"probe_file,omitempty"`     // one for all scans, or one for each
	Input      dataset.InputKind   `yaml:"input"`
	Layout     dataset.Orientation `yaml:"layout"` // of the patterns' array
	View       dataset.View        `yaml:",inline"`
	OutputDir  string              `yaml:"output_dir"`
	Resume     bool                `yaml:"-"` // continue from the state in OutputDir
	Export     string              `yaml:"export,omitempty"`
	Init       string              `yaml:"init,omitempty"` // model, "general" or NoInit; empty: NoInit
	Memory     int                 `yaml:"memory_limit"`   // most patterns in memory, MB; 0: all
	Engine     engine.Options      `yaml:",inline"`
	Config     trainer.Config      `yaml:",inline"`
	Cluster    cluster.Address     `yaml:"-"` // of a broker whose workers compute the steps; without URL: none
	Live       listen.Address      `yaml:"-"` // of a page about the training; without Listen: none
	Quiet      bool                `yaml:"-"`
}

// TrainResult describes a training that has ended.
type TrainResult struct {
	Model          string   `json:"model"` // the exported copy, if there is one
	OutputDir      string   `json:"output_dir"`
	Epochs         int      `json:"epochs"`
	Device         string   `json:"device"`          // an execution provider of ONNX Runtime, or Go
	Fallback       string   `json:"device_fallback"` // why the CPU computed although auto found CUDA; empty: it did not
	TrainLoss      *float64 `json:"train_loss"`      // of the last epoch; null: no epoch
	ValidationLoss *float64 `json:"validation_loss"` // null: no validation
	Interrupted    bool     `json:"interrupted"`     // stopped before its end
}

func (r TrainResult) String() string {
	s := fmt.Sprintf("%s: %d epochs on %s", r.Model, r.Epochs, r.Device)
	if r.TrainLoss != nil {
		s += fmt.Sprintf(", train loss %.5f", *r.TrainLoss)
	}
	return s
}

// Train runs a training and writes its run directory. If ctx is done early, it saves and returns the result so far with
// the error Interrupted.
func Train(ctx context.Context, o TrainOptions, stderr io.Writer, log *slog.Logger) (*TrainResult, error) {
	if o.Cluster.URL != "" {
		o.Config = o.Config.ForExchange()
	}
	job, err := o.job(ctx, log)
	if err != nil {
		return nil, err
	}
	defer job.scans.Close()
	defer job.validation.Close()
	o, request := job.options, job.request
	if o.Cluster.URL != "" {
		steps, disconnect, err := job.steps(ctx, log)
		if err != nil {
			return nil, errors.Join(err, job.release())
		}
		defer disconnect()
		request.Exchange = steps
	}
	request.Begin = o.begin
	reporter := progress.New(stderr, int(o.Config.MaxEpochs), o.Quiet)
	request.Progress = reporter
	if o.Live.Listen != "" {
		view, err := startLive(ctx, o, reporter, log)
		if err != nil {
			return nil, errors.Join(err, job.release())
		}
		reporter, request.Progress, request.AfterEpoch = view, view, view.afterEpoch
	}
	result, err := trainer.Train(ctx, request)
	reporter.Close()
	if err := errors.Join(err, job.release()); err != nil {
		return nil, o.withRemedy(err)
	}
	return o.save(result)
}

// withRemedy adds to the error of a diverged training how to get the model of its last good epoch.
func (o TrainOptions) withRemedy(err error) error {
	var diverged *trainer.Diverged
	if !errors.As(err, &diverged) || diverged.Finished == 0 {
		return err
	}
	return fmt.Errorf("%w; the state of epoch %d is kept: ptyx train --resume %s --max-epochs %d makes its model",
		err, diverged.Finished, o.OutputDir, diverged.Finished)
}

// trainJob is a training whose files are open.
type trainJob struct {
	options           TrainOptions // with the files that patterns name and the sizes of an initial model
	request           trainer.Request
	scans, validation scanFiles
	release           func() error // of the engine
}

// job opens the files and the engine of a training.
func (o TrainOptions) job(ctx context.Context, log *slog.Logger) (_ *trainJob, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.TrainFiles, err = o.TrainFiles.expand("--train-data-file"); err != nil {
		return nil, err
	}
	if o.TestFiles, err = o.TestFiles.expand("--test-data-file"); err != nil {
		return nil, err
	}
	j := &trainJob{}
	defer func() {
		if err != nil {
			j.scans.Close()
			j.validation.Close()
		}
	}()
	read := o.read()
	read.Log, o.Engine.Fallback = log, engine.WarnOnce(log)
	if j.scans, err = openTraining(o.TrainFiles, o.ProbeFiles, read); err != nil {
		return nil, err
	}
	if err := j.scans.guessProbes(ctx, o.Config.Seed, log); err != nil {
		return nil, err
	}
	read.Side = j.scans[0].N
	if j.validation, err = openValidation(o.TestFiles, read); err != nil {
		return nil, err
	}
	o.Config.N = j.scans[0].N
	request := trainer.Request{
		Config: o.Config, Scans: j.scans, Validation: j.validation, MemoryLimit: int64(o.Memory) * 1e6, Log: log,
	}
	if request.Scratch, err = destination.Room(o.OutputDir); err != nil {
		return nil, fmt.Errorf("finding a place for scratch files: %w", err)
	}
	request.Checkpoint = filepath.Join(o.OutputDir, trainer.StateFile)
	if o.Resume {
		request.Resume = o.state(request.Checkpoint, log)
	}
	o.Init = o.start(log)
	request.Anchor = o.Init != NoInit
	if o.Init != NoInit && request.Resume == "" { // a state has its own weights
		if request.Initial, err = initialWeights(o.Init, &request); err != nil {
			return nil, err
		}
		o.Config = request.Config
	}
	if request.Engine, j.release, err = o.Engine.Open(); err != nil {
		return nil, err
	}
	request.Config.Threads = o.Engine.ThreadCount()
	request.Config.MaxEpochs = request.Epochs()
	o.Config.MaxEpochs = request.Config.MaxEpochs // what config.yaml keeps, and the progress counts
	j.options, j.request = o, request
	return j, nil
}

// read tells how to read the scans.
func (o TrainOptions) read() dataset.Options {
	return dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View}
}

// check refuses, before any work, options that cannot be run or saved.
func (o TrainOptions) check() error {
	if err := o.Engine.Check(); err != nil {
		return err
	}
	if o.Live.Listen != "" {
		if _, err := live.Check(o.Live); err != nil {
			return err
		}
	}
	if err := checkMemory(o.Memory); err != nil {
		return err
	}
	if n := len(o.TrainFiles) + len(o.TestFiles); n > 1 && o.View.SeparatePositions() {
		return &badinput.Error{
			Key: "--positions-file", Found: fmt.Sprintf("one file for %d scans", n), Expected: "one scan with it",
			Remedy: "give each scan its positions with ptyx convert",
		}
	}
	if o.Export != "" {
		if err := destination.File("--export", o.Export); err != nil {
			return err
		}
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// state is the path of the state to continue from. It is empty if the training was killed within its first epoch.
func (o TrainOptions) state(path string, log *slog.Logger) string {
	if _, err := os.Stat(filepath.Join(o.OutputDir, trainer.ConfigFile)); err != nil {
		return path // no run directory: reading the state reports it
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		log.Info("no epoch was finished: the training starts again", "run", o.OutputDir)
		return ""
	}
	return path
}

// begin makes the run directory and writes config.yaml, with which a killed training can be resumed. Faults of the data
// or the flags are found earlier, and leave nothing behind.
func (o TrainOptions) begin() error {
	if err := os.MkdirAll(o.OutputDir, 0o755); err != nil {
		return fmt.Errorf("making the run directory: %w", err)
	}
	if o.Resume {
		if err := trainer.Tidy(o.OutputDir); err != nil {
			return err
		}
	}
	return trainer.SaveConfig(o.OutputDir, o)
}

// Interrupted is the error of a training or a solver that was stopped and saved its result: a TrainResult or a
// Reconstruction.
type Interrupted struct {
	Saved fmt.Stringer
}

func (i Interrupted) Error() string { return "interrupted, saved " + i.Saved.String() }

// Unwrap makes it a context.Canceled.
func (Interrupted) Unwrap() error { return context.Canceled }

// LoadTrainOptions reads the config.yaml of a run directory, to resume its training. Names of files are as seen from
// the working directory, also if that is another than at the start of the training.
func LoadTrainOptions(dir string) (TrainOptions, error) {
	path := filepath.Join(dir, trainer.ConfigFile)
	if _, err := os.Stat(path); err != nil {
		expected := "a run directory of ptyx train"
		return TrainOptions{}, &badinput.Error{File: dir, Found: "no " + trainer.ConfigFile, Expected: expected}
	}
	o, err := ReadTrainOptions(path)
	if err != nil {
		return o, err
	}
	recorded := o.OutputDir
	o.OutputDir = dir
	return o, o.relocate(recorded, dir)
}

// ReadTrainOptions reads a config.yaml at any path, to repeat its training.
func ReadTrainOptions(path string) (TrainOptions, error) {
	fault := &badinput.Error{
		File: path, Found: "a configuration that cannot be read", Expected: "the config.yaml of a run",
	}
	data, err := readLimited(path, maxConfig)
	if err != nil {
		fault.Cause = err
		return TrainOptions{}, fault
	}
	o, err := parseTrainOptions(data)
	if err != nil {
		fault.Cause, fault.Remedy = err, "correct it, or train again"
		return TrainOptions{}, fault
	}
	return o, nil
}

// maxConfig is the largest configuration in bytes.
const maxConfig = 1 << 20

// readLimited reads a file of at most so many bytes.
func readLimited(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if int64(len(data)) > most {
		return nil, fmt.Errorf("it is longer than %d bytes", most)
	}
	return data, err
}

// parseTrainOptions reads YAML. Its error is one line.
func parseTrainOptions(data []byte) (o TrainOptions, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&o); err != nil {
		return TrainOptions{}, errors.New(strings.Join(strings.FieldsFunc(err.Error(), unicode.IsControl), " "))
	}
	return o, nil
}

// save writes the run directory and the exported copy of the model.
func (o TrainOptions) save(result *trainer.Result) (*TrainResult, error) {
	if err := result.Save(o.OutputDir); err != nil {
		return nil, err
	}
	path := filepath.Join(o.OutputDir, trainer.ModelFile)
	if o.Export != "" {
		if err := destination.WriteFile(o.Export, result.Model.Marshal(), 0o644); err != nil {
			return nil, err
		}
		path = o.Export
	}
	summary := &TrainResult{
		Model: path, OutputDir: o.OutputDir, Epochs: result.State.Epoch, Device: result.Device,
		Fallback: result.Fallback, Interrupted: result.Cancelled,
	}
	if n := len(result.State.History); n > 0 {
		last := result.State.History[n-1]
		summary.TrainLoss, summary.ValidationLoss = finite(last.TrainLoss), finite(last.ValLoss)
	}
	if result.Cancelled {
		return summary, Interrupted{Saved: *summary}
	}
	return summary, nil
}

// finite is v for JSON, which has no NaN and no infinity: nil stands for these.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// NoInit stands for weights that are drawn from the seed.
const NoInit = "none"

// start is what a training starts from: NoInit, if the general network is wanted and is not the network to train.
func (o TrainOptions) start(log *slog.Logger) string {
	if o.Init != general.Name {
		return cmp.Or(o.Init, NoInit)
	}
	c := o.Config.NetworkConfig(1)
	if !general.Fits(c) {
		log.Debug("the general network is another one: the weights are drawn from the seed", "network", c.Kind)
		return NoInit
	}
	return o.Init
}

// initialWeights reads the weights of a model to start from. The network takes the model's sizes.
func initialWeights(path string, r *trainer.Request) ([]*ndarray.Float32, error) {
	data, c, err := loadModel(path, r.Scans[0].N)
	if err != nil {
		return nil, err
	}
	if n := r.Scans[0].N; c.N != n {
		expected := fmt.Sprintf("%d, the size of the patterns", n)
		return nil, &badinput.Error{File: path, Key: "N", Found: fmt.Sprint(c.N), Expected: expected}
	}
	r.Config.ApplyNetwork(c)
	weights, err := export.Weights(data, r.Config.NetworkConfig(c.InputScale))
	if err != nil {
		return nil, &badinput.Error{
			File: path, Found: "weights that do not fit", Expected: "a checkpoint of ptyx", Cause: err,
		}
	}
	return weights, nil
}
