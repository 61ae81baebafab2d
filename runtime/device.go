package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	ort "github.com/yalue/onnxruntime_go"

	"ptyx/internal/badinput"
)

// Device says where a model shall run.
type Device string

// The devices.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda" // an error where it cannot be had, never another device in silence
	Auto Device = "auto" // CUDA where it can be had, else the CPU; the Session says which and why
)

// UnmarshalText reads a device from a flag.
func (d *Device) UnmarshalText(text []byte) error {
	switch Device(text) {
	case CPU, CUDA, Auto:
		*d = Device(text)
		return nil
	}
	return fmt.Errorf("found %q, expected cpu, cuda or auto", text)
}

// ONNX Runtime's names of its execution providers.
const (
	cpuProvider  = "CPUExecutionProvider"
	cudaProvider = "CUDAExecutionProvider"
)

// ErrNoCUDA is wrapped by the error of a session that asked for CUDA in vain.
var ErrNoCUDA = errors.New("CUDA cannot be used")

// cudaFault turns the reason why CUDA failed into a sentence that says what is missing.
func (e *Environment) cudaFault(cause error) error {
	plugin := filepath.Join(filepath.Dir(e.library.Path), cudaPlugin)
	found, remedy := "ONNX Runtime with CUDA, but it does not start", "check that the NVIDIA driver, CUDA and cuDNN of this version are installed (nvidia-smi), or use --device cpu"
	if _, err := os.Stat(plugin); err != nil {
		found = "an ONNX Runtime without CUDA (no " + cudaPlugin + " beside " + filepath.Base(e.library.Path) + ")"
		remedy = "name a library of the onnxruntime-gpu package with --onnxruntime, or use --device cpu"
	}
	return fmt.Errorf("%w: %w", ErrNoCUDA, &badinput.Error{Key: "--device cuda", Found: found, Remedy: remedy, Cause: cause})
}

const cudaPlugin = "libonnxruntime_providers_cuda.so"

// addCUDA asks for the CUDA provider. Convolution algorithms are chosen by heuristics, because an exhaustive search makes
// every new shape slow and the result depend on timing; TF32 is off, because it rounds to 10 bits.
func addCUDA(o *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer func() { _ = cuda.Destroy() }()
	settings := map[string]string{
		"device_id":              "0",
		"cudnn_conv_algo_search": "HEURISTIC",
		"use_tf32":               "0",
	}
	if err := cuda.Update(settings); err != nil {
		return err
	}
	return o.AppendExecutionProviderCUDA(cuda)
}
