package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// SessionOptions control how a model runs. The zero value is the CPU with DefaultThreads threads.
type SessionOptions struct {
	Device Device

	// Threads is the number of CPU threads that share the work of one operator; 0: DefaultThreads. Operators run one
	// after the other. The same number on the same machine gives the same bits.
	Threads int

	// Profile is a file for ONNX Runtime's timings of every operator, which Close writes (JSON for chrome://tracing or
	// Perfetto). The second session of the process with the same name writes NAME-2.json, and so on. Empty: none.
	Profile string

	// NoMemPattern stops ONNX Runtime from planning one block of memory for each combination of input shapes.
	NoMemPattern bool

	// SharedArena keeps the buffers of runs in one arena with the other sessions of the process that set it. Sessions
	// that take turns then need the memory of the largest, not of all. The arena lasts until ONNX Runtime is closed.
	SharedArena bool

	// Optional names inputs with a default that bindings feed, after the others. Those not named keep their default.
	Optional []string

	// Fallback, unless nil, is called when Auto takes the CPU although no part of CUDA seems to be missing.
	Fallback func(reason error)
}

// Session is a model ready to run. Several goroutines may use it; ONNX Runtime then runs them at the same time on the
// same threads.
type Session struct {
	signature
	provider string
	fallback string // see Fallback
	profile  *profile

	mu       sync.RWMutex // for reading during a run, for writing when bindings are added or removed
	session  *ort.DynamicAdvancedSession
	bindings map[*Binding]struct{}
}

// NewSession prepares a model (the bytes of an .onnx file) for the device. It does not keep the bytes. Errors contain
// the message of ONNX Runtime.
func (e *Environment) NewSession(model []byte, o SessionOptions) (*Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock() // so that ONNX Runtime stays open until the session holds it
	if e.closed {
		return nil, errors.New("creating a session: ONNX Runtime is closed")
	}
	s, err := e.newSession(model, o)
	if err != nil {
		return nil, fmt.Errorf("creating a session: %w", err)
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
	if err == nil {
		sig, err = sig.with(o.Optional)
	}
	if err != nil {
		return nil, fmt.Errorf("the model: %w", err)
	}
	switch o.Device {
	case CPU:
		return e.create(model, sig, o, CPUProvider)
	case CUDA:
		return e.createCUDA(model, sig, o)
	case Auto:
		return e.createAuto(model, sig, o)
	}
	return nil, fmt.Errorf("unknown device %v", o.Device)
}

// createAuto creates the session on a GPU, or else on the CPU.
func (e *Environment) createAuto(model []byte, sig signature, o SessionOptions) (*Session, error) {
	s, reason := e.createCUDA(model, sig, o)
	if reason == nil {
		return s, nil
	}
	s, err := e.create(model, sig, o, CPUProvider)
	if err != nil || len(e.CUDAMissing()) > 0 {
		return s, err
	}
	s.fallback = reason.Error()
	if o.Fallback != nil {
		o.Fallback(reason)
	}
	return s, nil
}

// createCUDA creates the session on a GPU.
func (e *Environment) createCUDA(model []byte, sig signature, o SessionOptions) (*Session, error) {
	if missing := e.CUDAMissing(); len(missing) > 0 {
		return nil, noCUDA(missing, nil)
	}
	s, err := e.create(model, sig, o, CUDAProvider)
	if err != nil {
		return nil, noCUDA(nil, err)
	}
	return s, nil
}

// create creates the session on one provider.
func (e *Environment) create(model []byte, sig signature, o SessionOptions, provider string) (*Session, error) {
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
	s := &Session{signature: sig, provider: provider, bindings: map[*Binding]struct{}{}}
	if o.Profile != "" {
		if s.profile, err = newProfile(o.Profile, options); err != nil {
			return nil, err
		}
	}
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(model, names(sig.inputs), names(sig.outputs), options)
	if err != nil {
		return nil, errors.Join(oneLine(err), s.profile.discard())
	}
	return s, nil
}

// apply sets everything but the provider and the profile.
func (o SessionOptions) apply(options *ort.SessionOptions) error {
	return errors.Join(options.SetLogSeverityLevel(ort.LoggingLevelFatal),
		options.SetExecutionMode(ort.ExecutionModeSequential), options.SetIntraOpNumThreads(o.Threads),
		options.SetInterOpNumThreads(1), options.SetCpuMemArena(true), options.SetMemPattern(!o.NoMemPattern),
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1"))
}

func names(tensors []TensorInfo) []string {
	var n []string
	for _, t := range tensors {
		n = append(n, t.Name)
	}
	return n
}

// oneLine puts ONNX Runtime's message, which may have several lines, on one. The wrapper's errors are plain text, so
// nothing else is lost.
func oneLine(err error) error { return errors.New(strings.Join(strings.Fields(err.Error()), " ")) }

// Inputs are the model's inputs, in the order of Bind.
func (s *Session) Inputs() []TensorInfo { return slices.Clone(s.inputs) }

// Outputs are the model's outputs, in the order of Bind.
func (s *Session) Outputs() []TensorInfo { return slices.Clone(s.outputs) }

// Provider is CPUProvider or CUDAProvider. The complete model runs there.
func (s *Session) Provider() string { return s.provider }

// Fallback is why Auto took the CPU although no part of CUDA seems to be missing. Otherwise it is empty.
func (s *Session) Fallback() string { return s.fallback }

// Run runs the model once on the given arrays. To run it again on the same arrays, Bind them instead.
func (s *Session) Run(inputs, outputs []*Array) error {
	b, err := s.Bind(inputs, outputs)
	if err != nil {
		return err
	}
	return errors.Join(b.Run(), b.Close())
}

// Close waits for runs to end, closes the session and its bindings, and writes the profile, if any. A second Close does
// nothing.
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
