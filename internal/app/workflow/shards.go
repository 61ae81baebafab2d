package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/version"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
	"ptyx/trainer"
)

// plan tells a worker what to train on what. Samples and patterns do not travel: each worker makes or reads them.
type plan struct {
	Version  string           `yaml:"ptyx"` // other versions may compute other gradients
	Digest   string           `yaml:"data_sha256"`
	Pretrain *PretrainOptions `yaml:"pretrain,omitempty"`
	Train    *TrainOptions    `yaml:"train,omitempty"`
}

// newSteps starts the exchange of shards with the workers of a broker. close ends it.
func newSteps(
	ctx context.Context, address cluster.Address, p plan, log *slog.Logger,
) (_ *cluster.Steps, release func() error, err error) {
	p.Version = version.String
	text, err := yaml.Marshal(p)
	if err != nil {
		return nil, nil, err
	}
	connection, err := cluster.Connect(address, log)
	if err != nil {
		return nil, nil, err
	}
	steps, err := cluster.NewSteps(ctx, connection, cluster.StepOptions{Plan: text, Log: log})
	if err != nil {
		connection.Close()
		return nil, nil, err
	}
	return steps, func() error { defer connection.Close(); return steps.Close() }, nil
}

// steps lets the workers of a broker compute the shards of a pretraining.
func (o PretrainOptions) steps(
	ctx context.Context, r trainer.PretrainRequest, log *slog.Logger,
) (_ trainer.Exchange, disconnect func() error, err error) {
	rename, err := absolute()
	if err != nil {
		return nil, nil, err
	}
	o.With = slices.Clone(o.With)
	for i, name := range o.With {
		o.With[i] = rename(name)
	}
	p := plan{Pretrain: &o}
	if p.Digest, err = r.SamplesDigest(); err != nil {
		return nil, nil, err
	}
	o.Cluster.Name = "ptyx pretrain"
	return newSteps(ctx, o.Cluster, p, log)
}

// steps lets the workers of a broker compute the shards of a training.
func (j *trainJob) steps(
	ctx context.Context, log *slog.Logger,
) (_ trainer.Exchange, disconnect func() error, err error) {
	rename, err := absolute()
	if err != nil {
		return nil, nil, err
	}
	o := j.options
	o.rename(rename)
	p := plan{Train: &o}
	if p.Digest, err = j.request.DataDigest(); err != nil {
		return nil, nil, err
	}
	o.Cluster.Name = "ptyx train"
	return newSteps(ctx, o.Cluster, p, log)
}

// absolute makes names of files independent of the working directory, for workers.
func absolute() (rename func(name string) string, err error) {
	here, err := filepath.Abs(".")
	if err != nil {
		return nil, fmt.Errorf("finding the working directory: %w", err)
	}
	return func(name string) string {
		if name == "" || name[0] == ':' || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(here, name)
	}, nil
}

// openPlan prepares the shards of a plan with the worker's own engine.
func (o WorkOptions) openPlan(ctx context.Context, text []byte, log *slog.Logger) (cluster.Shards, error) {
	if solve.IsTilePlan(text) {
		return o.openTile(text)
	}
	var p plan
	err := yaml.Unmarshal(text, &p)
	switch {
	case err != nil || (p.Pretrain == nil) == (p.Train == nil):
		return nil, errors.Join(errors.New("a plan that this worker cannot read"), err)
	case p.Version != version.String:
		return nil, fmt.Errorf("the training is one of ptyx %s, this worker is ptyx %s", p.Version, version.String)
	}
	log.Info("training", "data", p.Digest)
	if p.Train != nil {
		return o.openTraining(ctx, p, log)
	}
	return o.openPretraining(p, log)
}

// closingShards closes files and the engine after the shards.
type closingShards struct {
	cluster.Shards
	after []func() error
}

func (c *closingShards) Close() error {
	err := c.Shards.Close()
	for _, after := range c.after {
		err = errors.Join(err, after())
	}
	return err
}

// openPretraining makes samples, some of them from solved scans.
func (o WorkOptions) openPretraining(p plan, log *slog.Logger) (_ cluster.Shards, err error) {
	with := p.Pretrain.With
	solved, err := openScans(with, func(int) dataset.Options { return dataset.Options{Log: log} })
	if err != nil {
		return nil, err
	}
	eng, release, err := o.Engine.Open()
	if err != nil {
		return nil, errors.Join(err, solved.Close())
	}
	r := trainer.PretrainRequest{Config: p.Pretrain.Config, Solved: solved, Engine: eng}
	r.Config.Threads = o.Engine.ThreadCount()
	shards, err := trainer.NewPretrainShards(r)
	if err != nil {
		return nil, errors.Join(err, release(), solved.Close())
	}
	closing := &closingShards{shards, []func() error{release, solved.Close}}
	if err := checkDigest(with, "--with", shards.Digest(), p.Digest); err != nil {
		return nil, errors.Join(err, closing.Close())
	}
	return closing, nil
}

// openTraining reads the scans of a training.
func (o WorkOptions) openTraining(ctx context.Context, p plan, log *slog.Logger) (_ cluster.Shards, err error) {
	t := *p.Train
	t.Engine, t.Init, t.Export, t.View.Library = o.Engine, NoInit, "", ""
	t.OutputDir = filepath.Join(os.TempDir(), "ptyx-worker") // for scratch files beside it; nothing else is written
	job, err := t.job(ctx, log)
	if err != nil {
		return nil, err
	}
	job.request.Anchor = p.Train.Init != NoInit // the weights come with each shard
	after := []func() error{job.release, job.scans.Close, job.validation.Close}
	shards, err := trainer.NewTrainShards(ctx, job.request)
	if err != nil {
		return nil, errors.Join(err, job.release(), job.scans.Close(), job.validation.Close())
	}
	closing := &closingShards{shards, after}
	if err := checkDigest(t.TrainFiles, "--train-data-file", shards.Digest(), p.Digest); err != nil {
		return nil, errors.Join(err, closing.Close())
	}
	return closing, nil
}

// checkDigest refuses files that are not those of the machine that trains.
func checkDigest(files Paths, flag, found, expected string) error {
	if found == expected {
		return nil
	}
	name := ""
	if len(files) > 0 {
		name = files[0]
	}
	return &badinput.Error{
		File: name, Key: flag, Found: "other data than on the machine that trains", Expected: "SHA-256 " + expected,
		Remedy: "let all machines read the same files",
	}
}
