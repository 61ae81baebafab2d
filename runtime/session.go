package runtime

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"ptyx/internal/base/ndarray"
)

// SessionOptions say how a model is to run. The zero value is the CPU with DefaultThreads threads.
type SessionOptions struct {
	Device Device

	// Threads is the number of threads that share the work of one operator (on the CPU); 0: DefaultThreads. Operators run
	// one after the other. The same number on the same machine gives the same bits.
	Threads int

	// Profile is a file for ONNX Runtime's timings of every operator, written by Close (JSON for chrome://tracing or
	// Perfetto). The second session of an environment with the same name writes NAME-2.json, and so on. Empty: none.
	Profile string

	// NoSpinning lets idle threads sleep at once. They otherwise spin for a while, which makes the next operator start
	// sooner, at the cost of the cores that Go code wants between two runs.
	NoSpinning bool
	// NoArena gives memory back after every run instead of keeping it for the next one.
	NoArena bool
	// NoMemPattern stops ONNX Runtime from planning one block of memory per combination of input shapes.
	NoMemPattern bool

	// SharedArena keeps the buffers of runs in one arena with the other sessions of the process that ask for it. Sessions that
	// run by turns then need the memory of the largest, not of all. The arena lasts until ONNX Runtime is closed.
	SharedArena bool

	// Verbose lets ONNX Runtime print its warnings on standard error; it is silent otherwise.
	Verbose bool

	// SaveRejected is a file for the bytes of a model that ONNX Runtime refuses. Empty: none.
	SaveRejected string
}

// Session is a model ready to run. It may be used from several goroutines; ONNX Runtime then runs them side by side on
// the same threads.
type Session struct {
	signature
	provider, reason string
	threads          int
	profile          *profile

	mu       sync.RWMutex // held for reading while running, for writing while bindings come and go
	session  *ort.DynamicAdvancedSession
	bindings map[*Binding]struct{}
}

// NewSession prepares a model (the bytes of an .onnx file) for the device. The bytes are not needed afterwards. Errors
// keep ONNX Runtime's own words.
func (e *Environment) NewSession(model []byte, o SessionOptions) (*Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock() // a session holds ONNX Runtime before its environment can let go
	if e.closed {
		return nil, errors.New("creating a session: ONNX Runtime is closed")
	}
	s, err := e.newSession(model, o)
	if err != nil {
		return nil, saveRejected(o.SaveRejected, model, fmt.Errorf("creating a session: %w", err))
	}
	hold(s)
	return s, nil
}

// newSession chooses the device.
func (e *Environment) newSession(model []byte, o SessionOptions) (*Session, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("%d threads", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = DefaultThreads()
	}
	sig, err := readSignature(model)
	if err != nil {
		return nil, fmt.Errorf("the model: %w", err)
	}
	switch o.Device {
	case CPU:
		return e.create(model, sig, o, CPUProvider, "asked for")
	case CUDA:
		if missing := e.CUDAMissing(); len(missing) > 0 {
			return nil, noCUDA(missing, nil)
		}
		s, err := e.create(model, sig, o, CUDAProvider, "asked for")
		if err != nil {
			return nil, noCUDA(nil, err)
		}
		return s, nil
	case Auto:
		return e.automatic(model, sig, o)
	}
	return nil, fmt.Errorf("unknown device %v", o.Device)
}

// automatic takes CUDA if it can be had.
func (e *Environment) automatic(model []byte, sig signature, o SessionOptions) (*Session, error) {
	err := error(nil)
	if missing := e.CUDAMissing(); len(missing) > 0 {
		err = noCUDA(missing, nil)
	} else {
		s, failure := e.create(model, sig, o, CUDAProvider, "auto: CUDA is usable")
		if failure == nil {
			return s, nil
		}
		err = noCUDA(nil, failure)
	}
	return e.create(model, sig, o, CPUProvider, "auto: "+err.Error())
}

// create makes the session on one provider.
func (e *Environment) create(model []byte, sig signature, o SessionOptions, provider, reason string) (*Session, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer destroy(options)
	if err := o.apply(options); err != nil {
		return nil, fmt.Errorf("setting session options: %w", err)
	}
	if o.SharedArena {
		if err := shareArena(options); err != nil {
			return nil, fmt.Errorf("sharing an arena between sessions: %w", oneLine(err))
		}
	}
	if provider == CUDAProvider {
		if err := useCUDA(options); err != nil {
			return nil, oneLine(err)
		}
	}
	s := &Session{
		signature: sig, provider: provider, reason: reason, threads: o.Threads, bindings: map[*Binding]struct{}{},
	}
	if o.Profile != "" {
		if s.profile, err = e.newProfile(o.Profile, options); err != nil {
			return nil, err
		}
	}
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(model, names(sig.inputs), names(sig.outputs), options)
	if err != nil {
		if e := s.profile.discard(); e != nil {
			return nil, fmt.Errorf("%w; %w", oneLine(err), e)
		}
		return nil, oneLine(err)
	}
	return s, nil
}

// apply sets everything but the provider and the profile.
func (o SessionOptions) apply(options *ort.SessionOptions) error {
	level := ort.LoggingLevel(ort.LoggingLevelFatal)
	if o.Verbose {
		level = ort.LoggingLevelWarning
	}
	spinning := "1"
	if o.NoSpinning {
		spinning = "0"
	}
	return errors.Join(
		options.SetLogSeverityLevel(level),
		options.SetExecutionMode(ort.ExecutionModeSequential),
		options.SetIntraOpNumThreads(o.Threads),
		options.SetInterOpNumThreads(1),
		options.SetCpuMemArena(!o.NoArena),
		options.SetMemPattern(!o.NoMemPattern),
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", spinning),
	)
}

func names(tensors []TensorInfo) []string {
	var n []string
	for _, t := range tensors {
		n = append(n, t.Name)
	}
	return n
}

// oneLine puts ONNX Runtime's words, which may be several lines, on one. The wrapper's errors are text alone, so nothing
// else is lost.
func oneLine(err error) error { return errors.New(strings.Join(strings.Fields(err.Error()), " ")) }

// saveRejected leaves the evidence where it was asked for.
func saveRejected(path string, model []byte, cause error) error {
	if path == "" {
		return cause
	}
	if err := os.WriteFile(path, model, 0o644); err != nil {
		return fmt.Errorf("%w (saving the rejected model failed: %w)", cause, err)
	}
	return fmt.Errorf("%w (the model is saved as %s)", cause, path)
}

// Inputs are what the model takes, in the order of Bind's inputs.
func (s *Session) Inputs() []TensorInfo { return slices.Clone(s.inputs) }

// Outputs are what the model gives, in the order of Bind's outputs.
func (s *Session) Outputs() []TensorInfo { return slices.Clone(s.outputs) }

// Provider is what computes: CPUProvider or CUDAProvider. It is all of the model, never a part.
func (s *Session) Provider() string { return s.provider }

// Reason says why the provider was taken.
func (s *Session) Reason() string { return s.reason }

// Threads is the number of threads that the session was created with.
func (s *Session) Threads() int { return s.threads }

// Run runs the model once on the given arrays. To run it again on the same arrays, Bind them instead.
func (s *Session) Run(inputs, outputs []*ndarray.Float32) error {
	b, err := s.Bind(inputs, outputs)
	if err != nil {
		return err
	}
	return errors.Join(b.Run(), b.Close())
}

// Close ends the session and its bindings, after what runs has run, and writes the profile if one was asked for. A second
// Close does nothing.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil
	}
	for b := range s.bindings {
		b.free()
	}
	err := s.session.Destroy()
	s.session, s.bindings = nil, nil
	return errors.Join(err, s.profile.keep(), release(s))
}
