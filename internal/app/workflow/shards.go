package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/version"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
	"ptyx/trainer"
)

// plan tells a worker what to train on what. Samples and patterns do not travel: each worker makes or reads them.
type plan struct {
	Version  string           `yaml:"ptyx"` // other versions may compute other gradients
	Digest   string           `yaml:"data_sha256"`
	Pretrain *PretrainOptions `yaml:"pretrain,omitempty"`
}

// newSteps starts the exchange of shards with the workers of a broker. close ends it.
func newSteps(
	ctx context.Context, address cluster.Address, p plan, shards int, log *slog.Logger,
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
	steps, err := cluster.NewSteps(ctx, connection, cluster.StepOptions{Plan: text, Shards: shards, Log: log})
	if err != nil {
		connection.Close()
		return nil, nil, err
	}
	return steps, func() error { defer connection.Close(); return steps.Close() }, nil
}

// absolute are paths that do not depend on the working directory, for workers.
func (p Paths) absolute() (all Paths, err error) {
	for _, path := range p {
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("finding the directory of %s: %w", path, err)
		}
		all = append(all, path)
	}
	return all, nil
}

// openPlan prepares the shards of a plan with the worker's own engine.
func (o WorkOptions) openPlan(text []byte, log *slog.Logger) (cluster.Shards, error) {
	var p plan
	err := yaml.Unmarshal(text, &p)
	switch {
	case err != nil || p.Pretrain == nil:
		return nil, errors.Join(errors.New("a plan that this worker cannot read"), err)
	case p.Version != version.String:
		return nil, fmt.Errorf("the training is one of ptyx %s, this worker is ptyx %s", p.Version, version.String)
	}
	log.Info("training", "data", p.Digest)
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

func (o WorkOptions) openPretraining(p plan, log *slog.Logger) (_ cluster.Shards, err error) {
	with := p.Pretrain.With
	solved, err := openScans(with, func(int) dataset.Options { return dataset.Options{Log: log} })
	if err != nil {
		return nil, err
	}
	r := trainer.PretrainRequest{Config: p.Pretrain.Config, Solved: solved}
	r.Config.Threads = o.Engine.ThreadCount()
	closing := &closingShards{after: []func() error{solved.Close}}
	var release func() error
	if r.Engine, release, err = o.Engine.Open(); err != nil {
		return nil, errors.Join(err, solved.Close())
	}
	closing.after = append(closing.after, release)
	shards, err := trainer.NewPretrainShards(r)
	if err != nil {
		return nil, errors.Join(err, solved.Close(), release())
	}
	closing.Shards = shards
	if err := checkDigest(with, "--with", shards.Digest(), p.Digest); err != nil {
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
