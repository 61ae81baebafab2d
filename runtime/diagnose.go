package runtime

import (
	_ "embed"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// Diagnosis describes the library and the processor for a person. Diagnose changes nothing on the machine.
type Diagnosis struct {
	Library   *Library   `json:"library"`         // nil if none is usable
	API       int        `json:"c_api"`           // the required version of the C interface
	Minimum   string     `json:"minimum_version"` // of ONNX Runtime
	Providers []string   `json:"providers"`       // compiled into the library
	Runs      bool       `json:"runs"`            // a small model gave the right numbers on the CPU
	CUDA      CUDAStatus `json:"cuda"`
	Processor Processor  `json:"processor"`
	Threads   int        `json:"default_threads"`
	Problems  []Problem  `json:"problems"`
}

// CUDAStatus reports whether sessions can run on a GPU.
type CUDAStatus struct {
	Usable bool   `json:"usable"` // a small model ran on it
	Why    string `json:"why"`    // the missing parts, if it is not usable
}

// Processor is the CPU.
type Processor struct {
	Model    string   `json:"model"` // empty if the system does not report it
	Arch     string   `json:"arch"`
	OS       string   `json:"os"`
	Features []string `json:"features"` // vector instructions that ONNX Runtime's kernels use
	Cores    Cores    `json:"cores"`
}

// Problem is a fault and its remedy.
type Problem struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

// Usable reports whether models can be run.
func (d Diagnosis) Usable() bool { return d.Runs }

// smallModel is y = 2x for x of shape (batch, 1, 2, 2).
//
//go:embed testdata/double.onnx
var smallModel []byte

// Diagnose searches for ONNX Runtime as [Find] does, opens it, runs a small model and examines the processor. Faults
// are listed in Problems. The small model shows that a device starts; `ptyx doctor` runs complete networks afterwards.
func Diagnose(explicit string) Diagnosis {
	d := Diagnosis{
		API: APIVersion, Minimum: MinimumVersion, Providers: []string{}, Problems: []Problem{},
		Processor: Processor{
			Model: cpuModel(), Arch: goruntime.GOARCH, OS: goruntime.GOOS, Features: cpuFeatures(),
			Cores: machineCores(),
		},
		CUDA: CUDAStatus{Why: "ONNX Runtime is not usable"},
	}
	d.Threads = d.Processor.Cores.threads()
	d.checkProcessor()
	d.checkLibrary(newFinder(explicit))
	return d
}

func (d *Diagnosis) problem(what, remedy string) {
	d.Problems = append(d.Problems, Problem{what, remedy})
}

// fault adds a problem with the library. An input error supplies its own remedy.
func (d *Diagnosis) fault(err error) {
	remedy := "`make lib` obtains the pinned version"
	var bad *badinput.Error
	if errors.As(err, &bad) && bad.Remedy != "" {
		withoutRemedy := *bad
		withoutRemedy.Remedy = ""
		err, remedy = &withoutRemedy, bad.Remedy
	}
	d.problem(err.Error(), remedy)
}

func (d *Diagnosis) checkProcessor() {
	if d.Processor.Arch == "amd64" && !slices.Contains(d.Processor.Features, "AVX2") {
		d.problem(
			"the processor has no AVX2 (or the virtual machine hides it): training and inference are several times "+
				"slower",
			"use a processor with AVX2, or let the virtual machine pass the host's processor through")
	}
	if q := d.Processor.Cores.Quota; q > 0 && q < float64(d.Processor.Cores.Physical) {
		d.problem(fmt.Sprintf("the control group grants %.3g of %d cores", q, d.Processor.Cores.Physical),
			"raise the container's CPU limit if that is not intended; more --threads do not help")
	}
}

func (d *Diagnosis) checkLibrary(f finder) {
	lib, skipped, err := f.find()
	if err != nil {
		d.fault(err)
		return
	}
	for _, p := range skipped {
		d.problem("skipped "+p.Error(), "remove it, or name the right library with --onnxruntime or "+EnvLibrary)
	}
	d.Library = &lib
	env, err := Open(lib)
	if err != nil {
		d.fault(err)
		return
	}
	d.Providers = env.Providers()
	if err := env.tryModel(CPU); err != nil {
		d.problem("a small model fails on the CPU: "+err.Error(),
			"the library is damaged or not for this machine; `make lib` obtains the pinned version")
	} else {
		d.Runs = true
	}
	if missing := env.CUDAMissing(); len(missing) > 0 {
		d.CUDA = CUDAStatus{Why: "missing " + strings.Join(missing, "; ")}
	} else if err := env.tryModel(CUDA); err != nil {
		d.CUDA = CUDAStatus{Why: err.Error()}
	} else {
		d.CUDA = CUDAStatus{Usable: true}
	}
	if err := env.Close(); err != nil {
		d.fault(err)
	}
}

// tryModel runs the small model on a device.
func (e *Environment) tryModel(device Device) (err error) {
	s, err := e.NewSession(smallModel, SessionOptions{Device: device, Threads: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	x := ndarray.Wrap([]float32{1, 2, 3, 4}, 1, 1, 2, 2)
	y := ndarray.New[float32](1, 1, 2, 2)
	if err := s.Run([]*ndarray.Float32{x}, []*ndarray.Float32{y}); err != nil {
		return err
	}
	if want := []float32{2, 4, 6, 8}; !slices.Equal(y.Data, want) { // doubling is exact
		return fmt.Errorf("twice %v came out as %v", x.Data, y.Data)
	}
	return nil
}

// cpuFeatures are the vector instructions of this machine that ONNX Runtime has kernels for.
func cpuFeatures() []string {
	features := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"AVX", cpu.X86.HasAVX},
		{"AVX2", cpu.X86.HasAVX2},
		{"FMA", cpu.X86.HasFMA},
		{"AVX512F", cpu.X86.HasAVX512F},
		{"AVX512VNNI", cpu.X86.HasAVX512VNNI},
		{"AVX512BF16", cpu.X86.HasAVX512BF16},
		{"AMX", cpu.X86.HasAMXTile},
		{"NEON", cpu.ARM64.HasASIMD},
		{"NEON dot product", cpu.ARM64.HasASIMDDP},
		{"SVE", cpu.ARM64.HasSVE},
	} {
		if f.has {
			features = append(features, f.name)
		}
	}
	return features
}

// String is one line: "AMD EPYC, linux/amd64, AVX2, FMA".
func (p Processor) String() string {
	parts := []string{p.OS + "/" + p.Arch}
	if p.Model != "" {
		parts = append([]string{p.Model}, parts...)
	}
	return strings.Join(append(parts, p.Features...), ", ")
}
