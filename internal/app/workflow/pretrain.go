package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"ptyx/export"
	"ptyx/internal/app/progress"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
	"ptyx/models"
	"ptyx/trainer"
)

// PretrainOptions describe a pretraining. config.yaml holds them by keys, which are the names of the flags of ptyx
// pretrain.
type PretrainOptions struct {
	OutputDir string                 `yaml:"output_dir"`
	Init      string                 `yaml:"init,omitempty"`
	With      Paths                  `yaml:"with,omitempty"` // solved scans: with their object and probe
	Engine    engine.Options         `yaml:",inline"`
	Config    trainer.PretrainConfig `yaml:",inline"`
	Resume    bool                   `yaml:"-"` // continue from the state in OutputDir
	Cluster   cluster.Address        `yaml:"-"` // of a broker whose workers compute the shards; without URL: none
	Quiet     bool                   `yaml:"-"`
}

// RoundsFile has a line of JSON for each round of a pretraining.
const RoundsFile = "rounds.jsonl"

// PretrainRound describes a round of a pretraining: errors on held-out patterns and correlations of stitched scans.
type PretrainRound struct {
	Round             int                    `json:"round"`
	Patterns          int                    `json:"patterns"` // shown since the beginning
	Loss              float64                `json:"loss"`
	LearningRate      float64                `json:"learning_rate"`
	PatternsPerSecond float64                `json:"patterns_per_s"`
	HeldOut           []trainer.HeldOutError `json:"held_out"`
	Scans             []ScanCorrelation      `json:"scans"`
}

// PretrainResult describes a pretraining that has ended.
type PretrainResult struct {
	Model       string  `json:"model"`
	OutputDir   string  `json:"output_dir"`
	Patterns    int     `json:"patterns"`
	Device      string  `json:"device"`
	Fallback    string  `json:"device_fallback"`
	HeldOut     float64 `json:"held_out_error"` // after the last complete round; 0: none
	Interrupted bool    `json:"interrupted"`
}

func (r PretrainResult) String() string {
	return fmt.Sprintf("%s: %d patterns on %s, held-out error %.4f", r.Model, r.Patterns, r.Device, r.HeldOut)
}

// Pretrain trains a general network on simulated patterns and writes its run directory. If ctx is done early, it saves
// and returns the result so far with the error Interrupted.
func Pretrain(ctx context.Context, o PretrainOptions, stderr io.Writer, log *slog.Logger) (*PretrainResult, error) {
	request, err := o.request(log)
	if err != nil {
		return nil, err
	}
	if o.With, err = o.With.expand("--with"); err != nil {
		return nil, err
	}
	solved, err := openScans(o.With, func(int) dataset.Options { return dataset.Options{Log: log} })
	if err != nil {
		return nil, err
	}
	defer solved.Close()
	request.Solved = solved
	var release func() error
	o.Engine.Fallback = engine.WarnOnce(log)
	if request.Engine, release, err = o.Engine.Open(); err != nil {
		return nil, err
	}
	scans, err := newHeldOutScans(ctx, o.Config.N)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	defer scans.close()
	if o.Cluster.URL != "" {
		steps, disconnect, err := o.steps(ctx, request, log)
		if err != nil {
			return nil, errors.Join(err, release())
		}
		defer disconnect()
		request.Exchange = steps
	}
	request.AfterRound = func(r trainer.Round, model func() (*onnxir.Model, error)) error {
		return o.afterRound(ctx, r, model, scans, log)
	}
	reporter := progress.New(stderr, request.Rounds(), o.Quiet)
	request.Progress = reporter
	result, err := trainer.Pretrain(ctx, request)
	reporter.Close()
	if err := errors.Join(err, release()); err != nil {
		return nil, err
	}
	return o.save(result)
}

// request checks the options and reads the files that they name.
func (o PretrainOptions) request(log *slog.Logger) (r trainer.PretrainRequest, err error) {
	if err := o.Engine.Check(); err != nil {
		return r, err
	}
	if err := destination.Dir("--output-dir", o.OutputDir); err != nil {
		return r, err
	}
	if err := o.Config.Validate(); err != nil {
		return r, err
	}
	r = trainer.PretrainRequest{
		Config: o.Config, Log: log, Begin: o.begin, Checkpoint: filepath.Join(o.OutputDir, trainer.StateFile),
		Further: o.Init != "",
	}
	r.Config.Threads = o.Engine.ThreadCount()
	if o.Resume {
		if _, err := os.Stat(r.Checkpoint); err == nil {
			r.Resume = r.Checkpoint
			return r, nil
		}
		log.Info("no round was finished: the pretraining starts again", "run", o.OutputDir)
	}
	if o.Init != "" {
		r.Initial, err = o.initial(&r.Config)
	}
	return r, err
}

// initial reads the weights of a model to start from.
func (o PretrainOptions) initial(c *trainer.PretrainConfig) ([]*ndarray.Float32, error) {
	data, m, err := loadModel(o.Init, c.N)
	if err != nil {
		return nil, err
	}
	fault := &badinput.Error{File: o.Init, Expected: "a model of network " + string(models.Unrolled)}
	if m.Network != string(models.Unrolled) {
		fault.Key, fault.Found = "network", m.Network
		return nil, fault
	}
	c.FiltersScale = m.FiltersScale
	weights, err := export.Weights(data, c.Network(m.N))
	if err != nil {
		fault.Found, fault.Cause = "weights that do not fit", err
		return nil, fault
	}
	return weights, nil
}

// begin makes the run directory and writes config.yaml.
func (o PretrainOptions) begin() error {
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

// afterRound writes the model of a round, and reports the round.
func (o PretrainOptions) afterRound(
	ctx context.Context, r trainer.Round, make func() (*onnxir.Model, error), scans *heldOutScans, log *slog.Logger,
) error {
	model, err := make()
	if err != nil {
		return err
	}
	data := model.Marshal()
	if err := destination.WriteFile(filepath.Join(o.OutputDir, trainer.ModelFile), data, 0o644); err != nil {
		return err
	}
	round := PretrainRound{
		Round: r.Number, Patterns: r.Patterns, Loss: r.TrainLoss, LearningRate: r.LearningRate,
		PatternsPerSecond: r.PatternsPerSecond, HeldOut: r.HeldOut,
	}
	if round.Scans, err = scans.correlations(ctx, o.Engine, data, log); err != nil {
		if ctx.Err() != nil {
			return nil // the training reports the interruption
		}
		return err
	}
	if !o.Quiet {
		log.Info(round.String())
	}
	return o.append(round)
}

// String is the round on one line.
func (r PretrainRound) String() string {
	var parts []string
	for _, g := range r.HeldOut[:2] {
		parts = append(parts, fmt.Sprintf("%s %.4f (correlation %.3f)", g.Name, g.Error, g.Correlation))
	}
	for _, s := range r.Scans {
		parts = append(parts, fmt.Sprintf("step %.1f: %.3f", s.Step, s.Correlation))
	}
	return fmt.Sprintf("%d patterns: held-out error of %s", r.Patterns, strings.Join(parts, ", "))
}

// append adds a round to the run's list of rounds.
func (o PretrainOptions) append(round PretrainRound) error {
	line, err := json.Marshal(round)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(o.OutputDir, RoundsFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("writing the list of rounds: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// save writes the model and the curves of the run.
func (o PretrainOptions) save(r *trainer.PretrainResult) (*PretrainResult, error) {
	if err := r.Save(o.OutputDir); err != nil {
		return nil, err
	}
	summary := &PretrainResult{
		Model: filepath.Join(o.OutputDir, trainer.ModelFile), OutputDir: o.OutputDir, Patterns: r.Patterns,
		Device: r.Device, Fallback: r.Fallback, Interrupted: r.Cancelled,
	}
	if h := r.State.History; len(h) > 0 {
		summary.HeldOut = h[len(h)-1].ValLoss
	}
	if r.Cancelled {
		return summary, Interrupted{Saved: *summary}
	}
	return summary, nil
}

// LoadPretrainOptions reads the config.yaml of a run directory, to resume its pretraining.
func LoadPretrainOptions(dir string) (o PretrainOptions, err error) {
	path := filepath.Join(dir, trainer.ConfigFile)
	fault := &badinput.Error{File: path, Found: "a configuration that cannot be read",
		Expected: "the config.yaml of ptyx pretrain"}
	data, err := readLimited(path, maxConfig)
	o.Config.Shards = trainer.DefaultPretrainConfig().Shards // of a run without the key
	if err == nil {
		err = yaml.Unmarshal(data, &o)
	}
	if err != nil {
		fault.Cause = err
		return o, fault
	}
	o.OutputDir, o.Resume = dir, true
	return o, nil
}
