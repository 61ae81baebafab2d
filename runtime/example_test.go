package runtime_test

import (
	"errors"
	"fmt"
	"os"

	ort "ptyx/runtime"
)

// A model that doubles its input, (batch, 1, 2, 2), runs on the CPU.
func Example() {
	if err := double(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// CPUExecutionProvider
	// [2 4 6 8]
}

func double() (err error) {
	library, err := ort.Find("") // the usual places
	if err != nil {
		return err
	}
	env, err := ort.Open(library)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Close()) }()
	model, err := os.ReadFile("testdata/double.onnx")
	if err != nil {
		return err
	}
	session, err := env.NewSession(model, ort.SessionOptions{Device: ort.CPU, Threads: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	fmt.Println(session.Provider())

	x := &ort.Array{Shape: []int{1, 1, 2, 2}, Data: make([]float32, 4)}
	y := &ort.Array{Shape: []int{1, 1, 2, 2}, Data: make([]float32, 4)}
	binding, err := session.Bind([]*ort.Array{x}, []*ort.Array{y})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, binding.Close()) }()
	copy(x.Data, []float32{1, 2, 3, 4})
	if err := binding.Run(); err != nil { // as often as needed, with new values in x
		return err
	}
	fmt.Println(y.Data)
	return nil
}

// An explicit path must name a usable library.
func ExampleFind() {
	_, err := ort.Find("testdata/absent.so")
	var fault *ort.InputError
	if errors.As(err, &fault) {
		fmt.Println(fault.File, "found", fault.Found)
	}
	// Output:
	// testdata/absent.so found no such file
}
