package runtime

import (
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/google/renameio/v2"
	ort "github.com/yalue/onnxruntime_go"
)

// SessionOptions fix how a model runs.
type SessionOptions struct {
	Device       Device // empty means CPU
	Threads      int    // of one operator; 0: one per core
	Profile      string // ONNX Runtime writes its profile to a file beginning with this
	SaveRejected string // a model that ONNX Runtime refuses is written here, as evidence
	NoSpinning   bool   // threads sleep between operators instead of spinning: kinder to neighbours, slower
}

// TensorInfo describes an input or output.
type TensorInfo struct {
	Name  string
	Shape []int64 // -1 where symbolic
}

// Session is a model on a device. Its bindings may run one at a time.
type Session struct {
	session         *ort.DynamicAdvancedSession
	inputs, outputs []TensorInfo
	provider        string
	reason          string
}

// NewSession loads a model. With Device Auto it falls back to the CPU and says why in Reason; with CUDA it does not.
func (e *Environment) NewSession(model []byte, o SessionOptions) (*Session, error) {
	switch o.Device {
	case CUDA:
		s, err := e.newSession(model, o, cudaProvider)
		if err != nil {
			return nil, e.cudaFault(err)
		}
		s.reason = "asked for"
		return s, nil
	case Auto:
		s, err := e.newSession(model, o, cudaProvider)
		if err == nil {
			s.reason = "CUDA is available"
			return s, nil
		}
		return e.onCPU(model, o, "CUDA is not available")
	case CPU, "":
		return e.onCPU(model, o, "asked for")
	}
	return nil, fmt.Errorf("device %q is not known", o.Device)
}

func (e *Environment) onCPU(model []byte, o SessionOptions, reason string) (*Session, error) {
	s, err := e.newSession(model, o, cpuProvider)
	if err != nil {
		return nil, keepEvidence(err, model, o.SaveRejected)
	}
	s.reason = reason
	return s, nil
}

// keepEvidence writes a refused model where the caller asked for it.
func keepEvidence(err error, model []byte, path string) error {
	if path == "" {
		return err
	}
	if saveErr := renameio.WriteFile(path, model, 0o644); saveErr != nil {
		return errors.Join(err, saveErr)
	}
	return fmt.Errorf("%w (the model was written to %s)", err, path)
}

func (e *Environment) newSession(model []byte, o SessionOptions, provider string) (*Session, error) {
	if len(model) == 0 {
		return nil, errors.New("creating a session: the model is empty")
	}
	options, err := sessionOptions(o, provider)
	if err != nil {
		return nil, fmt.Errorf("creating a session: %w", err)
	}
	defer func() { _ = options.Destroy() }()
	inputs, outputs, err := ort.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	s := &Session{provider: provider}
	s.inputs, s.outputs = describe(inputs), describe(outputs)
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(model, names(s.inputs), names(s.outputs), options)
	if err != nil {
		return nil, fmt.Errorf("creating a session: %w", err)
	}
	return s, nil
}

func sessionOptions(o SessionOptions, provider string) (options *ort.SessionOptions, err error) {
	if options, err = ort.NewSessionOptions(); err != nil {
		return nil, err
	}
	threads := o.Threads
	if threads <= 0 {
		threads = goruntime.NumCPU()
	}
	steps := []func() error{
		func() error { return options.SetIntraOpNumThreads(threads) }, // explicit, so that no affinity is set
		func() error { return options.SetInterOpNumThreads(1) },
		func() error { return options.SetExecutionMode(ort.ExecutionModeSequential) },
	}
	if o.NoSpinning {
		steps = append(steps, func() error { return options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") })
	}
	if o.Profile != "" {
		steps = append(steps, func() error { return options.EnableProfiling(o.Profile) })
	}
	if provider == cudaProvider {
		steps = append(steps,
			func() error { return options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1") },
			func() error { return addCUDA(options) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			_ = options.Destroy()
			return nil, err
		}
	}
	return options, nil
}

func describe(infos []ort.InputOutputInfo) []TensorInfo {
	out := make([]TensorInfo, len(infos))
	for i, info := range infos {
		out[i] = TensorInfo{Name: info.Name, Shape: info.Dimensions}
	}
	return out
}

func names(infos []TensorInfo) []string {
	out := make([]string, len(infos))
	for i, info := range infos {
		out[i] = info.Name
	}
	return out
}

// Inputs and Outputs describe the model's tensors in the order that Bind takes them.
func (s *Session) Inputs() []TensorInfo { return s.inputs }

// Outputs describes what the model delivers.
func (s *Session) Outputs() []TensorInfo { return s.outputs }

// Provider is ONNX Runtime's name of what runs the model: CPUExecutionProvider or CUDAExecutionProvider.
func (s *Session) Provider() string { return s.provider }

// Reason says why this provider was taken.
func (s *Session) Reason() string { return s.reason }

// Close releases the session. Its bindings must be closed first.
func (s *Session) Close() error {
	if err := s.session.Destroy(); err != nil {
		return fmt.Errorf("closing a session: %w", err)
	}
	return nil
}
