package engine

import (
	"fmt"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/program"
	ort "ptyx/runtime"
)

// ORT is the fast engine: it lowers programs to ONNX and runs them in ONNX Runtime.
type ORT struct {
	Environment *ort.Environment
	Options     ort.SessionOptions // for a resolved device: the CPU or CUDA
	Target      onnxir.Target      // of the lowering
	auto        bool               // a program that CUDA cannot run goes to the CPU
	device      string
	fallback    string
}

// NewORT returns an engine on an open ONNX Runtime, with the lowering that suits the device.
func NewORT(env *ort.Environment, options ort.SessionOptions) *ORT {
	return newORT(env, options, env.Resolve)
}

// newORT resolves the device before anything depends on it: lowering and replicas differ between CPU and CUDA.
func newORT(env *ort.Environment, options ort.SessionOptions, resolve resolver) *ORT {
	e := &ORT{Environment: env, Options: options, auto: options.Device == ort.Auto}
	device, reason := resolve(options.Device)
	if reason != nil {
		e.fallBack(reason)
	} else {
		e.use(device)
	}
	return e
}

// resolver is that of ort.Environment.Resolve.
type resolver func(ort.Device) (device ort.Device, fallback error)

// fallBack takes the CPU instead of CUDA, and remembers and reports the reason.
func (e *ORT) fallBack(reason error) {
	e.use(ort.CPU)
	e.fallback = reason.Error()
	if e.Options.Fallback != nil {
		e.Options.Fallback(reason)
	}
}

// use sets the device and its lowering. CUDA chooses its own algorithms for convolutions; hidden shapes save memory on
// the CPU only.
func (e *ORT) use(device ort.Device) {
	cuda := device == ort.CUDA
	e.Options.Device, e.Target = device, onnxir.Target{Training: true, Winograd: !cuda, StaticShapes: cuda}
}

// Name is "ort".
func (*ORT) Name() string { return "ort" }

// Device is the provider of the last compiled program; empty before.
func (e *ORT) Device() string { return e.device }

// Fallback is why auto took the CPU although CUDA is there. Otherwise it is empty.
func (e *ORT) Fallback() string { return e.fallback }

// Replicas is one per thread on the CPU, if the number of parts is a multiple of it; 1 on a GPU.
func (e *ORT) Replicas(parts int) int {
	threads := e.Options.Threads
	if threads < 1 || parts%threads != 0 || e.Options.Device == ort.CUDA {
		return 1
	}
	return threads
}

// Compile lowers the program for training and creates a session. The replicas share the threads.
func (e *ORT) Compile(p *program.Program, replicas int) (Executable, error) {
	session, err := e.session(p, replicas)
	if err != nil && e.auto && e.Options.Device == ort.CUDA {
		e.fallBack(err)
		session, err = e.session(p, replicas)
	}
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", p.Name, err)
	}
	e.device = session.Provider()
	return &ortExecutable{program: p, session: session}, nil
}

func (e *ORT) session(p *program.Program, replicas int) (*ort.Session, error) {
	model, err := export.Lower(p, e.Target)
	if err != nil {
		return nil, err
	}
	options := e.Options
	options.Threads = max(1, options.Threads/replicas)
	// Training and validation take turns in one arena. A memory pattern would save no time and add a second set of
	// buffers (docs/dev/performance.md).
	options.SharedArena, options.NoMemPattern = true, true
	return e.Environment.NewSession(model.Marshal(), options)
}

type ortExecutable struct {
	program *program.Program
	session *ort.Session
}

func (o *ortExecutable) Bind(inputs, outputs []*ndarray.Float32) (Binding, error) {
	if err := checkArrays(o.program, inputs, outputs); err != nil {
		return nil, err
	}
	return o.session.Bind(inputs, outputs)
}

func (o *ortExecutable) Close() error { return o.session.Close() }
