// Package workflow runs whole jobs: Train goes from files to a run directory, Infer from a model and a scan to an object
// with its pictures. It opens the engines, readers and writers of the other packages and holds no algorithm of its own;
// a command is flags plus one call here.
package workflow

import (
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/runtime"
)

// EngineKind names an engine.
type EngineKind string

// The engines.
const (
	ORT  EngineKind = "ort"
	Tape EngineKind = "tape"
)

// UnmarshalText reads an engine from a flag.
func (k *EngineKind) UnmarshalText(text []byte) error {
	switch EngineKind(text) {
	case ORT, Tape:
		*k = EngineKind(text)
		return nil
	}
	return fmt.Errorf("found %q, expected ort or tape", text)
}

// EngineOptions choose what computes.
type EngineOptions struct {
	Kind    EngineKind     `yaml:"engine"`
	Device  runtime.Device `yaml:"device"`
	Threads int            `yaml:"threads"` // 0: one per core
	Library string         `yaml:"onnxruntime,omitempty"`
	Profile string         `yaml:"-"`
}

// maxThreads is more than any one machine has: a number beyond it is a mistake, and would keep the machine busy for hours.
const maxThreads = 1024

// check refuses what no engine can do.
func (o EngineOptions) check() error {
	switch {
	case o.Threads < 0 || o.Threads > maxThreads:
		return &badinput.Error{Key: "--threads", Found: fmt.Sprint(o.Threads), Expected: fmt.Sprintf("0 (one per core) to %d", maxThreads)}
	case o.Kind == Tape && o.Device == runtime.CUDA:
		return &badinput.Error{Key: "--device", Found: "cuda with --engine tape", Expected: "cpu or auto: that engine computes in Go", Remedy: "take --engine ort for CUDA"}
	}
	return nil
}

// threads is the number asked for, or one per physical core that this process may use.
func (o EngineOptions) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.DefaultThreads()
}

func (o EngineOptions) session() runtime.SessionOptions {
	return runtime.SessionOptions{Device: o.Device, Threads: o.threads(), Profile: o.Profile}
}

// open finds and opens ONNX Runtime.
func (o EngineOptions) open() (*runtime.Environment, error) {
	library, err := runtime.Find(o.Library)
	if err != nil {
		return nil, err
	}
	return runtime.Open(library)
}

// trainingEngine opens the engine of a training; release it with the returned function.
func (o EngineOptions) trainingEngine() (engine.Engine, func() error, error) {
	if o.Kind == Tape {
		return engine.Tape{}, func() error { return nil }, nil
	}
	env, err := o.open()
	if err != nil {
		return nil, nil, err
	}
	return engine.NewORT(env, o.session()), env.Close, nil
}

// predictor opens the engine of an inference.
func (o EngineOptions) predictor(model []byte) (reconstruct.Predictor, func() error, error) {
	if o.Kind == Tape {
		return newTapePredictor(model), func() error { return nil }, nil
	}
	env, err := o.open()
	if err != nil {
		return nil, nil, err
	}
	p, err := reconstruct.NewORT(env, model, o.session())
	if err != nil {
		_ = env.Close()
		return nil, nil, err
	}
	return p, env.Close, nil
}
