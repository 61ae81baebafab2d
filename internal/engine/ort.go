package engine

import (
	"fmt"

	"ptyx/export"
	"ptyx/internal/graph"
	"ptyx/internal/ndarray"
	"ptyx/internal/onnxir"
	"ptyx/runtime"
)

// ORT is the fast engine: the program lowered to ONNX, run by ONNX Runtime.
type ORT struct {
	Environment *runtime.Environment
	Options     runtime.SessionOptions
	device      string
}

// NewORT makes an engine on an open ONNX Runtime.
func NewORT(env *runtime.Environment, options runtime.SessionOptions) *ORT {
	return &ORT{Environment: env, Options: options}
}

// Name is "ort".
func (*ORT) Name() string { return "ort" }

// Device is the provider of the last compiled program; empty before.
func (e *ORT) Device() string { return e.device }

// Compile lowers the program for training and creates a session.
func (e *ORT) Compile(p *graph.Program) (Executable, error) {
	model, err := export.Lower(p, onnxir.Target{Training: true})
	if err != nil {
		return nil, err
	}
	session, err := e.Environment.NewSession(model.Marshal(), e.Options)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", p.Name, err)
	}
	e.device = session.Provider()
	return &ortExecutable{program: p, session: session}, nil
}

type ortExecutable struct {
	program *graph.Program
	session *runtime.Session
}

func (o *ortExecutable) Bind(inputs, outputs []*ndarray.Float32) (Binding, error) {
	if err := checkArrays(o.program, inputs, outputs); err != nil {
		return nil, err
	}
	return o.session.Bind(inputs, outputs)
}

func (o *ortExecutable) Close() error { return o.session.Close() }
