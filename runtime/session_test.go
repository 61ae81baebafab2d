package runtime

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

func TestSignature(t *testing.T) {
	env := open(t)
	for _, tc := range []struct {
		model           string
		inputs, outputs string
	}{
		{"double", "x(?, 1, 2, 2)", "y(?, 1, 2, 2)"}, // not two, which has an initializer
		{"scaled_sum", "x(?, 3) rate()", "y(?, 3) total()"},
		{"inferred", "x(?, 3)", "y(3, ?)"},
	} {
		s := newSession(t, env, tc.model, SessionOptions{Threads: 1})
		text := func(tensors []TensorInfo) string {
			var parts []string
			for _, i := range tensors {
				parts = append(parts, i.Name+shapeString(i.Shape))
			}
			return strings.Join(parts, " ")
		}
		if in, out := text(s.Inputs()), text(s.Outputs()); in != tc.inputs || out != tc.outputs {
			t.Errorf("%s: %s -> %s, want %s -> %s", tc.model, in, out, tc.inputs, tc.outputs)
		}
		// What is read off the file is what ONNX Runtime says.
		asked, err := inferSignature(readModel(t, tc.model))
		if err != nil {
			t.Fatal(err)
		}
		if text(asked.inputs) != tc.inputs || text(asked.outputs) != tc.outputs {
			t.Errorf("%s: ONNX Runtime says %s -> %s", tc.model, text(asked.inputs), text(asked.outputs))
		}
	}
}

// One session serves every batch size; doubling is exact, so the comparison is.
func TestRunBatches(t *testing.T) {
	s := newSession(t, open(t), "double", SessionOptions{Threads: 2})
	for _, batch := range []int{1, 2, 7, 64, 3} {
		x, y := ramp(batch, 1, 2, 2), ndarray.New[float32](batch, 1, 2, 2)
		if err := s.Run(list(x), list(y)); err != nil {
			t.Fatalf("batch %d: %v", batch, err)
		}
		for i, v := range y.Data {
			if v != 2*x.Data[i] {
				t.Fatalf("batch %d: element %d is %g, want %g", batch, i, v, 2*x.Data[i])
			}
		}
	}
}

// A binding reads the present values of its arrays, scalars included, and does not change the inputs.
func TestBindingReuse(t *testing.T) {
	s := newSession(t, open(t), "scaled_sum", SessionOptions{Threads: 1})
	x, rate := ramp(2, 3), ndarray.New[float32]()
	y, total := ndarray.New[float32](2, 3), ndarray.New[float32]()
	b, err := s.Bind(list(x, rate), list(y, total))
	if err != nil {
		t.Fatal(err)
	}
	for step := range 5 {
		rate.Data[0], x.Data[0] = float32(step), float32(10*step)
		goruntime.GC() // the addresses that ONNX Runtime keeps must stay good
		if err := b.Run(); err != nil {
			t.Fatal(err)
		}
		want := float32(0)
		for i := range x.Data {
			if y.Data[i] != x.Data[i]*rate.Data[0] {
				t.Errorf("step %d: y[%d] is %g, want %g", step, i, y.Data[i], x.Data[i]*rate.Data[0])
			}
			want += y.Data[i]
		}
		if total.Data[0] != want || x.Data[0] != float32(10*step) { // small whole numbers: exact
			t.Errorf("step %d: total %g, want %g; x[0] %g", step, total.Data[0], want, x.Data[0])
		}
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	wantError(t, b.Run(), "closed")
}

func TestBindRefuses(t *testing.T) {
	s := newSession(t, open(t), "double", SessionOptions{Threads: 1})
	good := func() *ndarray.Float32 { return ndarray.New[float32](2, 1, 2, 2) }
	for _, tc := range []struct {
		name    string
		in, out []*ndarray.Float32
		want    []string
	}{
		{"no input", nil, list(good()), []string{"found 0 inputs, expected 1: x"}},
		{"two outputs", list(good()), list(good(), good()), []string{"found 2 outputs, expected 1: y"}},
		{"nil", list(nil), list(good()), []string{`input "x": no array`}},
		{"rank", list(ndarray.New[float32](2, 2, 2)), list(good()), []string{`input "x"`, "(2, 2, 2)", "(?, 1, 2, 2)"}},
		{"size", list(good()), list(ndarray.New[float32](2, 1, 2, 3)),
			[]string{`output "y"`, "(2, 1, 2, 3)", "(?, 1, 2, 2)"}},
		{"empty batch", list(ndarray.New[float32](0, 1, 2, 2)), list(good()), []string{`input "x"`, "(0, 1, 2, 2)"}},
		{"too few elements", list(&ndarray.Float32{Shape: []int{2, 1, 2, 2}, Data: make([]float32, 7)}), list(good()),
			[]string{"7 elements"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.Bind(tc.in, tc.out)
			wantError(t, err, tc.want...)
		})
	}
}

// Errors that only ONNX Runtime can detect appear at the run, with its message.
func TestRunRefuses(t *testing.T) {
	s := newSession(t, open(t), "broadcast", SessionOptions{Threads: 1})
	err := s.Run(list(ndarray.New[float32](2, 2)), list(ndarray.New[float32](3, 2)))
	wantError(t, err, "running the model on "+CPUProvider, "broadcast")
	err = s.Run(list(ndarray.New[float32](3, 2)), list(ndarray.New[float32](4, 2)))
	wantError(t, err, "running the model", "Got: 4 Expected: 3")
	// The session is none the worse.
	if err := s.Run(list(ramp(3, 2)), list(ndarray.New[float32](3, 2))); err != nil {
		t.Error(err)
	}
}

func TestRejectedModels(t *testing.T) {
	env := open(t)
	for _, tc := range []struct {
		name  string
		model []byte
		want  []string
	}{
		{"unknown operator", readModel(t, "unknown_operator"), []string{"NoSuchOperator"}},
		{"integers", readModel(t, "integers"), []string{`"x"`, "not float32"}},
		{"not ONNX", []byte("hello, world"), []string{"not an ONNX file"}},
		{"nothing", nil, []string{"not an ONNX file"}},
		{"cut short", readModel(t, "double")[:100], []string{"not an ONNX file"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := env.NewSession(tc.model, SessionOptions{})
			wantError(t, err, append(tc.want, "creating a session")...)
		})
	}
}

func TestDeviceText(t *testing.T) {
	for _, d := range []Device{CPU, CUDA, Auto} {
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Device
		if err := back.UnmarshalText(text); err != nil || back != d || d.String() != string(text) {
			t.Errorf("%v became %q, then %v, %v", d, text, back, err)
		}
	}
	var d Device
	for _, text := range []string{"", "gpu", "CPU"} {
		wantError(t, d.UnmarshalText([]byte(text)), "expected cpu, cuda, auto")
	}
	if text, err := Device(9).MarshalText(); err == nil {
		t.Errorf("device 9 was written as %s", text)
	}
	_, err := open(t).NewSession(readModel(t, "double"), SessionOptions{Device: 9})
	wantError(t, err, "unknown device")
}

// The pinned library has no usable CUDA provider: pip's is compiled without it, npm's lacks its files. The device cuda
// is an error that says so, and auto uses the CPU.
func TestCUDARefused(t *testing.T) {
	env := open(t)
	if len(env.CUDAMissing()) == 0 {
		t.Fatalf("this test is for a library without CUDA, and %s has it", env.library.Path)
	}
	_, err := env.NewSession(readModel(t, "double"), SessionOptions{Device: CUDA})
	wantError(t, err, "device cuda", "no usable CUDA provider, missing: ", env.library.Path, "onnxruntime-gpu",
		"the device cpu")
	var bad *badinput.Error
	if !errors.As(err, &bad) {
		t.Errorf("%T is not the user's kind of error", err)
	}
	s := newSession(t, env, "double", SessionOptions{Device: Auto, Threads: 1, Fallback: func(reason error) {
		t.Errorf("a warning on a machine without CUDA: %v", reason)
	}})
	if s.Provider() != CPUProvider {
		t.Errorf("auto took %s", s.Provider())
	}
	s = newSession(t, env, "double", SessionOptions{Threads: 1})
	if s.Provider() != CPUProvider {
		t.Errorf("cpu took %s", s.Provider())
	}
}

// If no part seems to be missing, ONNX Runtime is tried. Its message reaches the user, and auto uses the CPU.
func TestCUDAThatFails(t *testing.T) {
	open(t)
	dir := t.TempDir()
	for _, name := range []string{sharedProviderFile, cudaProviderFile} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pretend := &Environment{
		library: Library{Path: filepath.Join(dir, libraryName())}, providers: []string{CUDAProvider, CPUProvider},
		loads: func(string) bool { return true },
	}
	_, err := pretend.NewSession(readModel(t, "double"), SessionOptions{Device: CUDA})
	wantError(t, err, "device cuda", "no usable CUDA provider (", "onnxruntime-gpu")
	var bad *badinput.Error
	if !errors.As(err, &bad) || bad.Cause == nil {
		t.Fatalf("%#v lacks ONNX Runtime's own words", err)
	}
	var reason error
	s := newSession(t, pretend, "double",
		SessionOptions{Device: Auto, Threads: 1, Fallback: func(err error) { reason = err }})
	if s.Provider() != CPUProvider {
		t.Errorf("auto took %s", s.Provider())
	}
	wantError(t, reason, "device cuda", "no usable CUDA provider (")
	if s.Fallback() != reason.Error() {
		t.Errorf("the session states %q, want %q", s.Fallback(), reason)
	}

	pretend.cuda = pretend.tryCUDA
	d, reason := pretend.Resolve(Auto)
	if d != CPU {
		t.Errorf("auto is %v where CUDA fails", d)
	}
	wantError(t, reason, "device cuda", "no usable CUDA provider (")
	pretend.cuda = func() error { return nil }
	if d, reason := pretend.Resolve(Auto); d != CUDA || reason != nil {
		t.Errorf("auto is %v where CUDA works, reason %v", d, reason)
	}

	// A machine without CUDA is no failure of CUDA.
	pretend.cuda, pretend.loads = pretend.tryCUDA, func(string) bool { return false }
	if d, reason := pretend.Resolve(Auto); d != CPU || reason != nil {
		t.Errorf("auto is %v without a driver, reason %v", d, reason)
	}
	if s := newSession(t, pretend, "double", SessionOptions{Device: Auto, Threads: 1}); s.Fallback() != "" {
		t.Errorf("a session without a driver states %q", s.Fallback())
	}
}

func TestCUDAMissing(t *testing.T) {
	dir := t.TempDir()
	library := Library{Path: filepath.Join(dir, "libonnxruntime.so"), Version: "1.30.0"}
	both := []string{CUDAProvider, CPUProvider}
	check := func(name string, providers []string, driver bool, want ...string) {
		t.Helper()
		got := cudaMissing(library, providers, func(string) bool { return driver })
		if len(got) != len(want) {
			t.Fatalf("%s: missing %q, want %q", name, got, want)
		}
		for i := range got {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: missing %q, want %q", name, got[i], want[i])
			}
		}
	}
	touch := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check("CPU library", []string{CPUProvider}, true, "built with "+CPUProvider+" only")
	check("no files", both, true, sharedProviderFile, cudaProviderFile)
	touch(sharedProviderFile)
	check("no provider file", both, false, cudaProviderFile, "NVIDIA driver (libcuda.so.1)")
	touch(cudaProviderFile)
	check("no driver", both, false, "NVIDIA driver")
	check("complete", both, true)
}

func TestThreads(t *testing.T) {
	env := open(t)
	for _, threads := range []int{0, 3} {
		s := newSession(t, env, "double", SessionOptions{Threads: threads})
		x := ramp(1, 1, 2, 2)
		if err := s.Run(list(x), list(ndarray.New[float32](1, 1, 2, 2))); err != nil {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
	if got := DefaultThreads(); got < 1 {
		t.Errorf("%d threads by default", got)
	}
	_, err := env.NewSession(readModel(t, "double"), SessionOptions{Threads: -1})
	wantError(t, err, "-1 threads")
}

// Every combination of the options gives the same result.
func TestOptionsDoNotChangeResults(t *testing.T) {
	env := open(t)
	for i := range 4 {
		o := SessionOptions{Threads: 2, NoMemPattern: i&1 > 0, SharedArena: i&2 > 0}
		s := newSession(t, env, "large", o)
		x, y := ndarray.New[float32](2, 1024), ndarray.New[float32](2, 1024)
		for j := range x.Data {
			x.Data[j] = 1
		}
		if err := s.Run(list(x), list(y)); err != nil {
			t.Fatal(err)
		}
		for _, v := range y.Data {
			if v != 1024 { // a sum of 1024 ones is exact in float32
				t.Fatalf("%+v: %g, want 1024", o, v)
			}
		}
	}
}

// Profiles of the same name get files of their own, also those of environments that follow each other.
func TestProfile(t *testing.T) {
	env := open(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "p.json")
	for _, env := range []*Environment{env, env, open(t)} {
		s := newSession(t, env, "double", SessionOptions{Threads: 1, Profile: path})
		if err := s.Run(list(ramp(1, 1, 2, 2)), list(ndarray.New[float32](1, 1, 2, 2))); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := env.NewSession(readModel(t, "unknown_operator"), SessionOptions{Profile: path})
	wantError(t, err, "NoSuchOperator")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var events []map[string]any
		if err := json.Unmarshal(data, &events); err != nil || len(events) == 0 {
			t.Errorf("%s: %d events, %v", e.Name(), len(events), err)
		}
	}
	if !slices.Equal(names, []string{"p-2.json", "p-3.json", "p.json"}) {
		t.Errorf("the folder holds %v", names)
	}
	_, err = env.NewSession(readModel(t, "double"), SessionOptions{Profile: filepath.Join(dir, "absent", "p.json")})
	wantError(t, err, "preparing the profile")
}

// Opens are counted: a session outlives its environment, and after the last Close all can be opened again.
func TestLifetimes(t *testing.T) {
	for range 3 {
		library, err := Find("")
		if err != nil {
			t.Fatal(err)
		}
		first, err := Open(library)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Open(library)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(first.Close(), first.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = first.NewSession(readModel(t, "double"), SessionOptions{})
		wantError(t, err, "closed")
		s, err := second.NewSession(readModel(t, "double"), SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		x, y := ramp(1, 1, 2, 2), ndarray.New[float32](1, 1, 2, 2)
		b, err := s.Bind(list(x), list(y))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Run(); err != nil || y.Data[3] != 6 {
			t.Fatalf("after the environments closed: %v, %v", y.Data, err)
		}
		// The session takes its bindings along.
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		wantError(t, b.Run(), "closed")
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = s.Bind(list(x), list(y))
		wantError(t, err, "closed")
	}
}

func TestSecondLibraryIsRefused(t *testing.T) {
	env := open(t)
	data, err := os.ReadFile(env.library.Path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "libonnxruntime.so.other")
	if err := os.WriteFile(other, data, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Library{Path: other})
	wantError(t, err, other, env.library.Path, "a process can have one")
}

// Several goroutines run one session, each with its own binding.
func TestConcurrentRuns(t *testing.T) {
	s := newSession(t, open(t), "double", SessionOptions{Threads: 2})
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			x, y := ndarray.New[float32](3, 1, 2, 2), ndarray.New[float32](3, 1, 2, 2)
			b, err := s.Bind(list(x), list(y))
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 200 {
				x.Data[11] = float32(1000*g + i)
				if err := b.Run(); err != nil || y.Data[11] != 2*x.Data[11] {
					t.Errorf("goroutine %d, run %d: %g, %v", g, i, y.Data[11], err)
					return
				}
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// For any bytes, the signature is read or refused, and its sizes are valid.
func FuzzSignature(f *testing.F) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d models, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSignature(data)
		if err != nil {
			return
		}
		for _, tensor := range slices.Concat(s.inputs, s.outputs) {
			for _, d := range tensor.Shape {
				if d < -1 || d == math.MaxInt {
					t.Errorf("%q has size %d", tensor.Name, d)
				}
			}
		}
	})
}

func BenchmarkRun(b *testing.B) {
	s := newSession(b, open(b), "double", SessionOptions{Threads: 1})
	binding, err := s.Bind(list(ramp(1, 1, 2, 2)), list(ndarray.New[float32](1, 1, 2, 2)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := binding.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBind(b *testing.B) {
	s := newSession(b, open(b), "double", SessionOptions{Threads: 1})
	in, out := list(ramp(1, 1, 2, 2)), list(ndarray.New[float32](1, 1, 2, 2))
	b.ReportAllocs()
	for b.Loop() {
		binding, err := s.Bind(in, out)
		if err != nil {
			b.Fatal(err)
		}
		if err := binding.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewSession(b *testing.B) {
	env := open(b)
	model := readModel(b, "double")
	b.ReportAllocs()
	for b.Loop() {
		s, err := env.NewSession(model, SessionOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
