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
	Options     ort.SessionOptions
	Target      onnxir.Target // of the lowering
	device      string
}

// NewORT returns an engine on an open ONNX Runtime, with the lowering that suits the device.
func NewORT(env *ort.Environment, options ort.SessionOptions) *ORT {
	target := onnxir.Target{Training: true, Winograd: options.Device != ort.CUDA} // CUDA chooses its own algorithms
	return &ORT{Environment: env, Options: options, Target: target}
}

// Name is "ort".
func (*ORT) Name() string { return "ort" }

// Device is the provider of the last compiled program; empty before.
func (e *ORT) Device() string { return e.device }

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
	model, err := export.Lower(p, e.Target)
	if err != nil {
		return nil, err
	}
	options := e.Options
	options.Threads = max(1, options.Threads/replicas)
	// Training and validation take turns in one arena. A memory pattern would save no time and add a second set of
	// buffers (docs/dev/performance.md).
	options.SharedArena, options.NoMemPattern = true, true
	session, err := e.Environment.NewSession(model.Marshal(), options)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", p.Name, err)
	}
	e.device = session.Provider()
	return &ortExecutable{program: p, session: session}, nil
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
