package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

var (
	onCPU  = onnxir.Target{Training: true, Winograd: true}
	onCUDA = onnxir.Target{Training: true, StaticShapes: true}
)

// Auto must be resolved before the lowering and the replicas are chosen.
func TestTheDeviceIsResolvedBeforeTheLowering(t *testing.T) {
	for _, c := range []struct {
		asked, resolved ort.Device
		target          onnxir.Target
		replicas        int
	}{
		{ort.Auto, ort.CUDA, onCUDA, 1}, {ort.Auto, ort.CPU, onCPU, 4},
		{ort.CUDA, ort.CUDA, onCUDA, 1}, {ort.CPU, ort.CPU, onCPU, 4},
	} {
		resolve := func(asked ort.Device) (ort.Device, error) {
			if asked != c.asked {
				t.Errorf("%v is resolved, want %v", asked, c.asked)
			}
			return c.resolved, nil
		}
		e := newORT(nil, ort.SessionOptions{Device: c.asked, Threads: 4}, resolve)
		if e.Target != c.target || e.Replicas(8) != c.replicas || e.Options.Device != c.resolved {
			t.Errorf("%v that is %v: %+v, %d replicas on %v", c.asked, c.resolved, e.Target, e.Replicas(8),
				e.Options.Device)
		}
	}
}

// CUDA passed its trial but refuses this program: only auto goes to the CPU, with the CPU's lowering, and says why.
func TestAutoFallsBackToTheCPU(t *testing.T) {
	env := runtimetest.Open(t)
	if device, _ := env.Resolve(ort.Auto); device == ort.CUDA {
		t.Skip("CUDA works here, so it refuses nothing")
	}
	x := program.Leaf(gorgonia.NewGraph(), "x", 2)
	p := &program.Program{Name: "double", Inputs: []program.Input{{Name: "x", Node: x}},
		Outputs: []program.Output{{Name: "y", Node: ops.Affine(x, 2, 0)}}}
	usable := func(ort.Device) (ort.Device, error) { return ort.CUDA, nil }

	var reasons []error
	e := newORT(env, ort.SessionOptions{Device: ort.Auto, Threads: 1,
		Fallback: func(reason error) { reasons = append(reasons, reason) }}, usable)
	exe, err := e.Compile(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	y := ndarray.New[float32](2)
	b, err := exe.Bind([]*ndarray.Float32{ndarray.Wrap([]float32{1, 2}, 2)}, []*ndarray.Float32{y})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(); err != nil || y.Data[1] != 4 {
		t.Errorf("%v, %v", y.Data, err)
	}
	if again, err := e.Compile(p, 1); err != nil || again.Close() != nil {
		t.Error(err)
	}
	if len(reasons) != 1 || e.Target != onCPU || e.Device() != ort.CPUProvider {
		t.Fatalf("fallbacks %v, target %+v on %s", reasons, e.Target, e.Device())
	}
	if e.Fallback() != reasons[0].Error() {
		t.Errorf("the engine states %q, want %q", e.Fallback(), reasons[0])
	}

	if _, err := newORT(env, ort.SessionOptions{Device: ort.CUDA, Threads: 1}, usable).Compile(p, 1); err == nil {
		t.Error("cuda runs on the CPU")
	}
}

// The engines of one command share one warning: the networks of a server, or infer and the solver after it.
func TestAFallbackIsWarnedOfOnce(t *testing.T) {
	var b bytes.Buffer
	o := Options{Device: ort.Auto, Fallback: WarnOnce(slog.New(slog.NewTextHandler(&b, nil)))}
	for range 3 {
		o.Session().Fallback(errors.New("no kernel"))
	}
	if strings.Count(b.String(), "level=WARN") != 1 || !strings.Contains(b.String(), "no kernel") {
		t.Errorf("logged %q", b.String())
	}
}

// The trial of CUDA fails before any program exists. Trainer and solver warn of it in the words of a failed session.
func TestAFailedTrialIsWarnedOf(t *testing.T) {
	failed := func(ort.Device) (ort.Device, error) { return ort.CPU, errors.New("no device") }
	var b bytes.Buffer
	o := Options{Device: ort.Auto, Threads: 1, Fallback: WarnOnce(slog.New(slog.NewTextHandler(&b, nil)))}
	e := newORT(nil, o.Session(), failed)
	const want = `level=WARN msg="CUDA is there but fails: the CPU computes" error="no device"`
	if !strings.Contains(b.String(), want) || strings.Count(b.String(), "level=") != 1 {
		t.Errorf("logged %q, want %q", b.String(), want)
	}
	if e.Fallback() != "no device" || e.Target != onCPU || e.Options.Device != ort.CPU {
		t.Errorf("fallback %q, target %+v on %v", e.Fallback(), e.Target, e.Options.Device)
	}
	if e := newORT(nil, ort.SessionOptions{Device: ort.Auto}, failed); e.Fallback() != "no device" {
		t.Errorf("without a listener the fallback is %q", e.Fallback())
	}
}
