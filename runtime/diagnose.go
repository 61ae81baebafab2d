package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"

	"golang.org/x/sys/cpu"
)

// Diagnosis is what is known of ONNX Runtime and the machine, for a person who asks why something does not work.
type Diagnosis struct {
	Library   Library   `json:"library"`
	Providers []string  `json:"providers"` // that a session can be created on
	CUDA      string    `json:"cuda"`      // "usable", or why not
	System    string    `json:"system"`    // "linux/amd64"
	Cores     int       `json:"cores"`     // that this process may use
	Features  []string  `json:"cpu_features"`
	Problems  []Problem `json:"problems"`
}

// Problem is something wrong, and how to mend it.
type Problem struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
	Fatal  bool   `json:"fatal"` // ONNX Runtime cannot be used
}

// Diagnose looks for the library as Find does, opens it, and runs a small model on every device.
func Diagnose(explicit string) Diagnosis {
	d := Diagnosis{System: goruntime.GOOS + "/" + goruntime.GOARCH, Cores: goruntime.NumCPU(), Features: features(), CUDA: "not tried"}
	library, err := Find(explicit)
	if err != nil {
		d.problem(err.Error(), "", true)
		return d
	}
	d.Library = library
	env, err := Open(library)
	if err != nil {
		d.problem(err.Error(), "run make lib again", true)
		return d
	}
	defer func() { _ = env.Close() }()
	d.try(env)
	return d
}

// try creates a session on each device.
func (d *Diagnosis) try(env *Environment) {
	cpuSession, err := env.NewSession(identityModel, SessionOptions{Device: CPU, Threads: 1})
	if err != nil {
		d.problem(err.Error(), "the library is damaged: remove lib/ and run make lib", true)
		return
	}
	_ = cpuSession.Close()
	d.Providers = append(d.Providers, cpuProvider)
	cuda, err := env.NewSession(identityModel, SessionOptions{Device: CUDA, Threads: 1})
	switch {
	case err == nil:
		d.CUDA = "usable"
		d.Providers = append(d.Providers, cudaProvider)
		_ = cuda.Close()
	default:
		d.CUDA = err.Error()
		plugin := filepath.Join(filepath.Dir(d.Library.Path), cudaPlugin)
		if _, statErr := os.Stat(plugin); !errors.Is(statErr, os.ErrNotExist) {
			d.problem("the library has CUDA, but CUDA does not start", "check nvidia-smi and the versions of CUDA and cuDNN", false)
		}
	}
}

func (d *Diagnosis) problem(what, remedy string, fatal bool) {
	d.Problems = append(d.Problems, Problem{What: what, Remedy: remedy, Fatal: fatal})
}

// Usable reports whether ONNX Runtime can be used at all.
func (d Diagnosis) Usable() bool {
	for _, p := range d.Problems {
		if p.Fatal {
			return false
		}
	}
	return true
}

// String is a page for a person.
func (d Diagnosis) String() string {
	s := fmt.Sprintf("system        %s, %d cores\ncpu           %v\n", d.System, d.Cores, d.Features)
	if d.Library.Path != "" {
		s += fmt.Sprintf("ONNX Runtime  %s (needed: %s)\nlibrary       %s\nfound by      %s\nproviders     %v\ncuda          %s\n",
			d.Library.Version, Required, d.Library.Path, d.Library.Source, d.Providers, d.CUDA)
	}
	if len(d.Problems) == 0 {
		return s + "no problems found\n"
	}
	for _, p := range d.Problems {
		s += "problem       " + p.What + "\n"
		if p.Remedy != "" {
			s += "remedy        " + p.Remedy + "\n"
		}
	}
	return s
}

// features lists what ONNX Runtime's kernels choose by.
func features() []string {
	list := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"AVX", cpu.X86.HasAVX}, {"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA}, {"AVX512F", cpu.X86.HasAVX512F},
		{"AVX512VNNI", cpu.X86.HasAVX512VNNI}, {"AMX", cpu.X86.HasAMXTile}, {"ASIMD", cpu.ARM64.HasASIMD}, {"SVE", cpu.ARM64.HasSVE},
	} {
		if f.has {
			list = append(list, f.name)
		}
	}
	return list
}
