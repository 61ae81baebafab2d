package engine

import (
	"fmt"
	"log/slog"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	ort "ptyx/runtime"
)

// Kind names an engine in flags and settings.
type Kind string

// The engines.
const (
	KindORT  Kind = "ort"
	KindTape Kind = "tape"
)

// UnmarshalText reads an engine from a flag.
func (k *Kind) UnmarshalText(text []byte) error { return choice.Set(k, text, KindORT, KindTape) }

// Options are the user's choice of an engine and its device.
type Options struct {
	Kind    Kind       `yaml:"engine"`
	Device  ort.Device `yaml:"device"`
	Threads int        `yaml:"threads"` // 0: one per core
	Library string     `yaml:"onnxruntime,omitempty"`
	Profile string     `yaml:"-"`

	// Fallback, unless nil, is called each time that auto takes the CPU although CUDA is there: see WarnOnce.
	Fallback func(reason error) `yaml:"-"`
}

// maxThreads is more than any one machine has: a larger number is a mistake and would keep the machine busy for hours.
const maxThreads = 1024

// Check refuses what no engine can do.
func (o Options) Check() error {
	switch {
	case o.Threads < 0 || o.Threads > maxThreads:
		return &badinput.Error{
			Key: "--threads", Found: fmt.Sprint(o.Threads), Expected: fmt.Sprintf("0 (one per core) to %d", maxThreads),
		}
	case o.Kind == KindTape && o.Device == ort.CUDA:
		return &badinput.Error{
			Key: "--device", Found: "cuda with --engine tape", Expected: "cpu or auto: that engine computes in Go",
			Remedy: "take --engine ort for CUDA",
		}
	}
	return nil
}

// ThreadCount is Threads, or one per physical core that this process may use.
func (o Options) ThreadCount() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return ort.DefaultThreads()
}

// Session is the options of a session of ONNX Runtime.
func (o Options) Session() ort.SessionOptions {
	return ort.SessionOptions{Device: o.Device, Threads: o.ThreadCount(), Profile: o.Profile, Fallback: o.Fallback}
}

// WarnOnce is a Fallback that warns the first time. A command may open several engines; its user needs one warning.
func WarnOnce(log *slog.Logger) func(reason error) {
	var once sync.Once
	return func(reason error) {
		once.Do(func() { log.Warn("CUDA is there but fails: the CPU computes", "error", reason) })
	}
}

// Environment finds and opens ONNX Runtime.
func (o Options) Environment() (*ort.Environment, error) {
	library, err := ort.Find(o.Library)
	if err != nil {
		return nil, err
	}
	return ort.Open(library)
}

// Open opens the engine. Call release when all its programs are closed.
func (o Options) Open() (e Engine, release func() error, err error) {
	if o.Kind == KindTape {
		return Tape{}, func() error { return nil }, nil
	}
	env, err := o.Environment()
	if err != nil {
		return nil, nil, err
	}
	return NewORT(env, o.Session()), env.Close, nil
}
