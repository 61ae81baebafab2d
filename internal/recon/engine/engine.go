// Package engine runs programs. An Engine compiles a program.Program into an Executable; an Executable is bound to
// arrays once and then run as often as wanted, reading its inputs from and writing its outputs to those arrays. There
// are two: Tape, Gorgonia's tape machine, is the reference and needs nothing but Go; ORT lowers the same graph to ONNX
// and runs it in ONNX Runtime.
package engine

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/program"
)

// Engine compiles programs.
type Engine interface {
	// Name is "tape" or "ort".
	Name() string
	// Device is where it computes, by ONNX Runtime's provider name, or "Go" for the tape.
	Device() string
	// Replicas is how many bindings of one executable should run side by side to use the machine, given that the work
	// can be cut into that many equal parts: a part a core wastes less than all cores in every operator.
	Replicas(parts int) int
	// Compile prepares a program of which the given number of bindings will run side by side. Its constants are
	// captured.
	Compile(p *program.Program, replicas int) (Executable, error)
}

// Executable is a compiled program.
type Executable interface {
	// Bind fixes the arrays of inputs and outputs, in the program's order, shapes as in the program. The caller owns
	// them, may change the inputs between runs, and must not resize them until the Binding is closed.
	Bind(inputs, outputs []*ndarray.Float32) (Binding, error)
	// Close releases the program. Bindings must be closed first.
	Close() error
}

// Binding is an executable with its arrays.
type Binding interface {
	// Run computes the outputs from the inputs as they are now.
	Run() error
	Close() error
}
