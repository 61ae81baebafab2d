// Package engine runs programs. An Engine compiles a program.Program into an Executable. A Binding ties an Executable
// to its input and output arrays and runs it any number of times. There are two engines: Tape, Gorgonia's tape machine,
// is the reference and needs only Go; ORT lowers the same graph to ONNX and runs it in ONNX Runtime. Options are the
// user's choice of an engine.
package engine

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/program"
)

// Engine compiles programs.
type Engine interface {
	// Name is "tape" or "ort".
	Name() string
	// Device is ONNX Runtime's name of the provider that computes, or "Go" for the tape.
	Device() string
	// Fallback is why the device auto became the CPU although CUDA is there. Otherwise it is empty.
	Fallback() string
	// Replicas is the best number of bindings of one executable to run at the same time, if the work can be cut into
	// the given number of equal parts. One part per core is faster than all cores in every operator.
	Replicas(parts int) int
	// Compile prepares a program for the given number of bindings at the same time. It copies the constants.
	Compile(p *program.Program, replicas int) (Executable, error)
}

// Executable is a compiled program.
type Executable interface {
	// Bind ties the program to arrays of inputs and outputs, in its order and with its shapes. The caller may change
	// the inputs between runs and must not resize the arrays until the Binding is closed.
	Bind(inputs, outputs []*ndarray.Float32) (Binding, error)
	// Close releases the program. Close its bindings first.
	Close() error
}

// Binding is an executable with its arrays.
type Binding interface {
	// Run computes the outputs from the present inputs.
	Run() error
	Close() error
}
