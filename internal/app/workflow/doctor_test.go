package workflow

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/recon/engine"
	"ptyx/models"
	ort "ptyx/runtime"
)

// Diagnose computes a checkpoint of every network and a training step on the CPU.
func TestDiagnoseTriesNetworksAndAStep(t *testing.T) {
	t.Parallel()
	d, err := Diagnose(t.Context(), "")
	if err != nil || !d.Usable() {
		t.Fatalf("%v, %+v", err, d.Problems)
	}
	var got []string
	for _, trial := range d.Trials {
		got = append(got, trial.What+" on "+trial.Device)
		if trial.Error != "" || trial.Seconds <= 0 {
			t.Errorf("%+v", trial)
		}
		checkpoint := strings.HasPrefix(trial.What, "checkpoint")
		if checkpoint != (trial.Against == againstGo) || checkpoint != (trial.Deviation != nil) {
			t.Errorf("%s is compared with %q", trial.What, trial.Against)
		}
	}
	var want []string
	for _, network := range models.Kinds() {
		want = append(want, "checkpoint of network "+network.String()+" on cpu")
	}
	if want = append(want, "training step on cpu"); !slices.Equal(got, want) {
		t.Errorf("tried %q, want %q", got, want)
	}
}

// Without a usable library nothing is tried, and the fault is that of the library.
func TestDiagnoseWithoutALibrary(t *testing.T) {
	t.Parallel()
	d, err := Diagnose(t.Context(), t.TempDir())
	if err != nil || d.Usable() || len(d.Trials) > 0 || len(d.Problems) == 0 {
		t.Errorf("%v, %+v", err, d)
	}
}

// The tolerance of a checkpoint is below the error of TF32, a format that CUDA would use by default.
func TestTrialsSeeTF32(t *testing.T) {
	t.Parallel()
	scan, err := trialScan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range models.Kinds() {
		net, parameters := drawnNetwork(network, scan)
		compute := func() *numbers {
			model, err := checkpointOf(net, parameters, scan)
			if err != nil {
				t.Fatal(err)
			}
			o, err := runCheckpoint(engine.Options{Kind: engine.KindORT, Threads: 1}, net.Kind, model, scan)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		exact := compute()
		for _, p := range parameters {
			for i, v := range p.Data {
				const dropped = 13 // bits of the mantissa
				p.Data[i] = math.Float32frombits(math.Float32bits(v) >> dropped << dropped)
			}
		}
		if d := compute().deviation(exact); d < checkpointTolerance {
			t.Errorf("%s: weights in TF32 deviate by %g only", network, d)
		}
	}
}

// A device that fails or computes other numbers is not usable, and the first failure is reported.
func TestDiagnoseRejectsDevices(t *testing.T) {
	t.Parallel()
	constant := func(values ...float64) func(engine.Kind, ort.Device) (*numbers, error) {
		return func(kind engine.Kind, device ort.Device) (*numbers, error) {
			v := values[device]
			if kind == engine.KindTape {
				v = 1
			}
			return &numbers{lists: [][]float64{{v}}, took: time.Millisecond}, nil
		}
	}
	fails := func(_ engine.Kind, device ort.Device) (*numbers, error) {
		if device == ort.CUDA {
			return nil, errors.New("no kernel")
		}
		return &numbers{lists: [][]float64{{1}}}, nil
	}
	for name, c := range map[string]struct {
		tasks     []trialTask
		cpu, cuda string // why the device is not usable; empty if it is
	}{
		"equal": {[]trialTask{{what: "sum", tolerance: 0.1, inGo: true, run: constant(1.05, 1.1)}}, "", ""},
		"CUDA deviates": {[]trialTask{{what: "sum", tolerance: 0.1, run: constant(1, 1.2)}}, "",
			"the sum fails on cuda: differs from cpu by 0.2, more than 0.1"},
		"CUDA fails": {
			[]trialTask{{what: "sum", run: fails}, {what: "product", run: constant(1, 2)}}, "",
			"the sum fails on cuda: no kernel"},
		"CUDA is not finite": {[]trialTask{{what: "sum", run: constant(1, math.NaN())}}, "",
			"the sum fails on cuda: the numbers are not finite"},
		"the CPU deviates": {[]trialTask{{what: "sum", tolerance: 0.1, inGo: true, run: constant(1.5, 1.5)}},
			"the sum fails on cpu: differs from Go by 0.5, more than 0.1", ""},
		"the CPU is not finite": {[]trialTask{{what: "sum", run: constant(math.Inf(1), 1)}},
			"the sum fails on cpu: the numbers are not finite", ""},
	} {
		d := Diagnosis{Diagnosis: ort.Diagnosis{Runs: true, CUDA: ort.CUDAStatus{Usable: true}}}
		if err := d.try(t.Context(), c.tasks); err != nil {
			t.Fatal(err)
		}
		if d.Runs != (c.cpu == "") || d.CUDA.Usable != (c.cuda == "") || d.CUDA.Why != c.cuda {
			t.Errorf("%s: CPU %v, CUDA %+v", name, d.Runs, d.CUDA)
		}
		var problems []string
		for _, p := range d.Problems {
			problems = append(problems, p.What)
		}
		if got := strings.Join(problems, "; "); got != c.cpu+c.cuda {
			t.Errorf("%s: problems %q", name, got)
		}
		if len(d.Trials) != 2*len(c.tasks) {
			t.Errorf("%s: %d trials", name, len(d.Trials))
		}
	}
}
