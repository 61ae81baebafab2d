package runtime

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"ptyx/internal/base/badinput"
)

// cudaOptions are the settings of the CUDA provider. TF32 keeps 10 of the 23 bits of float32's mantissa; an exhaustive
// search for convolution algorithms would run anew for every batch size, and could choose differently in every process.
var cudaOptions = map[string]string{
	"use_tf32":               "0",
	"cudnn_conv_algo_search": "HEURISTIC",
}

// The libraries that the CUDA provider is made of.
const (
	cudaProviderFile   = "libonnxruntime_providers_cuda.so"
	sharedProviderFile = "libonnxruntime_providers_shared.so"
	cudaDriverName     = "libcuda.so.1"
)

// CUDAMissing lists the parts that a session on CUDA lacks: the provider in the library, its files, the driver. ONNX
// Runtime itself reports the others (CUDA, cuDNN, a device) when a session is created.
func (e *Environment) CUDAMissing() []string {
	return cudaMissing(e.library, e.providers, e.loads)
}

// Resolve turns Auto into the device that its sessions will have: CUDA if a small model runs there, else the CPU. The
// first call that finds all parts of CUDA starts it. fallback is why Auto takes the CPU although no part of CUDA seems
// to be missing, or nil.
func (e *Environment) Resolve(d Device) (device Device, fallback error) {
	if d != Auto {
		return d, nil
	}
	reason := e.cuda()
	switch {
	case reason == nil:
		return CUDA, nil
	case len(e.CUDAMissing()) > 0:
		return CPU, nil
	}
	return CPU, reason
}

// tryCUDA runs the small model on CUDA, if all parts are there.
func (e *Environment) tryCUDA() error {
	if missing := e.CUDAMissing(); len(missing) > 0 {
		return noCUDA(missing, nil)
	}
	return e.tryModel(CUDA)
}

func cudaMissing(lib Library, providers []string, loads func(name string) bool) []string {
	if !slices.Contains(providers, CUDAProvider) {
		return []string{"the CUDA provider: " + lib.Path + " (version " + lib.Version + ") is built with " +
			strings.Join(providers, ", ") + " only"}
	}
	var missing []string
	// ONNX Runtime loads the two from its own folder, after resolving links.
	dir := filepath.Dir(lib.Path)
	if resolved, err := filepath.EvalSymlinks(lib.Path); err == nil {
		dir = filepath.Dir(resolved)
	}
	for _, name := range []string{sharedProviderFile, cudaProviderFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			missing = append(missing, name+" beside "+lib.Path)
		}
	}
	if !loads(cudaDriverName) {
		missing = append(missing, "the NVIDIA driver ("+cudaDriverName+")")
	}
	return missing
}

// noCUDA is the error of a session on CUDA.
func noCUDA(missing []string, cause error) error {
	e := &badinput.Error{
		Key: "device cuda", Found: "no usable CUDA provider", Cause: cause,
		Remedy: "take the ONNX Runtime library of the onnxruntime-gpu package with the CUDA and cuDNN that it asks " +
			"for, or choose the device cpu",
	}
	if len(missing) > 0 {
		e.Found += ", missing: " + strings.Join(missing, "; ")
	}
	return e
}

// useCUDA puts the complete session on the GPU: a node that CUDA cannot run is an error and does not move to the CPU.
func useCUDA(options *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer destroy(cuda)
	if err := cuda.Update(cudaOptions); err != nil {
		return err
	}
	if err := options.AppendExecutionProviderCUDA(cuda); err != nil {
		return err
	}
	return options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
}

// destroy frees an object of the wrapper whose Destroy fails only if it is called twice.
func destroy(d interface{ Destroy() error }) { _ = d.Destroy() }
