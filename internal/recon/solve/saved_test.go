package solve

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// fuse is a context that is done after so many questions.
type fuse struct {
	context.Context
	left int
}

func (f *fuse) Err() error {
	if f.left--; f.left < 0 {
		return context.Canceled
	}
	return nil
}

// cut interrupts a run: after a pass, and then after so many updates of the next.
type cut struct{ pass, updates int }

// keptRun makes part of a run with the state in path, which it continues if resume is set.
func keptRun(t *testing.T, p Problem, o Options, path string, resume bool, until cut) (*Solution, error) {
	t.Helper()
	o.Checkpoint = path
	if resume {
		o.Resume = path
	}
	ctx, lit := &fuse{t.Context(), 1 << 30}, until.pass == 0
	return Run(ctx, p, o, fast(t, o.Threads), func(pass Pass) {
		if pass.Number >= until.pass && !lit { // an earlier cut may have let a pass of one batch end
			ctx.left, lit = until.updates, true
		}
	})
}

// same compares two solutions to the byte.
func same(t *testing.T, name string, got, want *Solution) {
	t.Helper()
	g, w := *got, *want
	g.Resumed, w.Resumed = 0, 0
	if !reflect.DeepEqual(g, w) {
		t.Errorf("%s: residual %v after %d passes, want %v after %d", name, g.Residual, len(g.History), w.Residual,
			len(w.History))
		for what, equal := range map[string]bool{
			"object": slices.Equal(g.Object.Data, w.Object.Data), "probe": slices.Equal(g.Probe.Data, w.Probe.Data),
			"positions": slices.Equal(g.X, w.X), "history": slices.Equal(g.History, w.History),
		} {
			t.Logf("%s: the same %s: %t", name, what, equal)
		}
	}
}

// resumable are runs with everything that a state has to keep.
func resumable(t *testing.T) map[string]func() (Problem, Options) {
	p, _ := simulated(t, 70, 1e5)
	moved := p
	moved.X, moved.Y = slices.Clone(p.X), slices.Clone(p.Y)
	for i := range moved.X {
		moved.X[i] += float64(i%5)/4 - 0.5
		moved.Y[i] += float64(i%7)/6 - 0.5
	}
	moved.Probe = defocused(p.Probe, 0.02)
	masked := moved
	masked.Measured = make([]bool, 64*64)
	for q := range masked.Measured {
		masked.Measured[q] = q%64 < 29 || q%64 > 30
	}
	given := moved
	rough := usual()
	rough.Passes = 3
	given.Object = solved(t, moved, rough).Object
	with := func(p Problem, change func(*Options)) func() (Problem, Options) {
		return func() (Problem, Options) {
			o := usual()
			o.Passes = 9
			change(&o)
			return p, o
		}
	}
	return map[string]func() (Problem, Options){
		"lsqml":          with(p, func(*Options) {}),
		"lsqml, batches": with(masked, func(o *Options) { o.BatchSize, o.Smooth, o.Background = 7, 3, true }),
		"lsqml, all":     with(moved, func(o *Options) { o.Positions, o.Modes, o.Seed = true, 2, 1 }),
		"lsqml, refined": with(given, func(o *Options) { o.Positions, o.BatchSize = true, 20 }),
		"lsqml, poisson": with(moved, func(o *Options) { o.Likelihood, o.Modes = Poisson, 3 }),
		"lsqml, varying": with(moved, func(o *Options) { o.OPR, o.Flicker, o.Modes = 2, true, 2 }),
		"lsqml, wrong":   func() (Problem, Options) { return misplaced(t) },
		"epie":           with(p, func(o *Options) { o.Method = EPIE }),
		"epie, all":      with(moved, func(o *Options) { o.Method, o.Positions, o.Modes = EPIE, true, 2 }),
		"epie, masked":   with(masked, func(o *Options) { o.Method, o.Seed = EPIE, 3 }),
		"epie, refined":  with(given, func(o *Options) { o.Method, o.Positions = EPIE, true }),
	}
}

// TestAnInterruptedRunResumesToTheSameBytes, wherever it was interrupted and however often. The saved states are the
// same, too.
func TestAnInterruptedRunResumesToTheSameBytes(t *testing.T) {
	for name, of := range resumable(t) {
		p, o := of()
		dir := t.TempDir()
		whole, cutShort := filepath.Join(dir, "whole.npz"), filepath.Join(dir, "cut.npz")
		want, err := keptRun(t, p, o, whole, false, cut{})
		if err != nil {
			t.Fatal(name, err)
		}
		for _, cuts := range [][]cut{{{1, 0}}, {{2, 1}, {5, 0}, {6, 0}, {8, 1}}, {{6, 1}, {7, 0}}} {
			reached := 0
			for i, c := range cuts {
				got, err := keptRun(t, p, o, cutShort, i > 0, c)
				complete := err == nil && len(got.History) == len(want.History) && i > 0 // before the last cut
				if !errors.Is(err, context.Canceled) && !complete {
					t.Fatalf("%s: interrupted %v: %v", name, c, err)
				}
				reached = len(got.History)
			}
			got, err := keptRun(t, p, o, cutShort, true, cut{})
			if err != nil {
				t.Fatal(name, err)
			}
			same(t, name, got, want)
			if got.Resumed != reached {
				t.Errorf("%s: resumed after %d passes, was interrupted after %d", name, got.Resumed, reached)
			}
			if !bytes.Equal(read(t, whole), read(t, cutShort)) {
				t.Errorf("%s, cut %v: the states differ", name, cuts)
			}
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAFinishedRunContinuesWithMorePasses as if it had been given all of them at first. A run that has converged makes
// no more, and gives its solution again.
func TestAFinishedRunContinuesWithMorePasses(t *testing.T) {
	p, _ := simulated(t, 40, 1e5)
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method, o.Modes, o.Passes = method, 2, 4
		path := filepath.Join(t.TempDir(), "state.npz")
		if _, err := keptRun(t, p, o, path, false, cut{}); err != nil {
			t.Fatal(err)
		}
		o.Passes = 200
		got, err := keptRun(t, p, o, path, true, cut{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, string(method), got, solved(t, p, o))
		if len(got.History) == o.Passes || got.Resumed != 4 {
			t.Fatalf("%s: %d passes, %d of them before", method, len(got.History), got.Resumed)
		}
		again, err := keptRun(t, p, o, path, true, cut{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, string(method)+", converged", again, got)
		if again.Resumed != len(got.History) {
			t.Errorf("%s: a converged run made passes: %d of %d", method, again.Resumed, len(again.History))
		}
	}
}

// TestARunThatOverwroteItsStartResumes: all that it needs of its first object and probe is in the state.
func TestARunThatOverwroteItsStartResumes(t *testing.T) {
	p, o := resumable(t)["lsqml, refined"]()
	dir := t.TempDir()
	whole, path := filepath.Join(dir, "whole.npz"), filepath.Join(dir, "state.npz")
	want, err := keptRun(t, p, o, whole, false, cut{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keptRun(t, p, o, path, false, cut{3, 1}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p.Object, p.Probe, p.ObjectOverwritten, p.ProbeOverwritten = p.Object.Clone(), p.Probe.Clone(), true, true
	clear(p.Object.Data)
	n := p.Probe.Shape[0]
	copy(p.Probe.Data, append(slices.Clone(p.Probe.Data[4*n+3:]), p.Probe.Data[:4*n+3]...)) // 4 rows up, 3 columns left
	got, err := keptRun(t, p, o, path, true, cut{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "overwritten", got, want)
	if !bytes.Equal(read(t, path), read(t, whole)) {
		t.Error("the states differ")
	}
}

// TestADivergedRunResumes with the smaller steps that it had.
func TestADivergedRunResumes(t *testing.T) {
	p, _ := simulated(t, 40, 1e6)
	o := usual()
	o.Positions, o.Passes = true, 12
	dir := t.TempDir()
	run := func(o Options, interrupt int) *Solution {
		t.Helper()
		s, err := newState(p, o)
		if err != nil {
			t.Fatal(err)
		}
		step, err := newStepper(s, fast(t, o.Threads))
		if err != nil {
			t.Fatal(err)
		}
		defer step.close()
		k, err := newKeeper(p, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx := &fuse{t.Context(), 1 << 30}
		got, err := s.run(ctx, burst{newLSQML(s, step)}, k, func(pass Pass) {
			if pass.Number == interrupt {
				ctx.left = 0
			}
		})
		if got == nil || (err != nil) != (interrupt > 0) {
			t.Fatal(got, err)
		}
		return got
	}
	want := run(o, 0)
	for _, interrupt := range []int{5, 6, 7} { // the sixth diverges
		o.Checkpoint, o.Resume = filepath.Join(dir, "state.npz"), ""
		run(o, interrupt)
		o.Resume = o.Checkpoint
		same(t, "interrupted", run(o, 0), want)
	}
}

// TestStatesOfOtherRunsAreRefused, each by a sentence that names the difference and the remedy.
func TestStatesOfOtherRunsAreRefused(t *testing.T) {
	p, _ := simulated(t, 12, 1e5)
	o := usual()
	o.Passes, o.Threads = 2, 1
	path := filepath.Join(t.TempDir(), "state.npz")
	if _, err := keptRun(t, p, o, path, false, cut{}); err != nil {
		t.Fatal(err)
	}
	other := p
	patterns := amplitudesOf(p).Clone()
	patterns.Data[77] += 1
	other.Patterns = Amplitudes{patterns}
	elsewhere := p
	elsewhere.X = slices.Clone(p.X)
	elsewhere.X[3] += 0.5
	masked := p
	masked.Measured = make([]bool, 64*64)
	masked.Measured[5] = true
	probe := p
	probe.Probe = defocused(p.Probe, 0.01)
	refined := p
	refined.Object = ndarray.New[complex64](100, 100)
	begun := refined
	begun.Start = "file"
	keep := func(*Options) {}
	for name, c := range map[string]struct {
		problem Problem
		change  func(*Options)
		want    string
	}{
		"another scan":  {other, keep, "data_sha256: found the state of another scan"},
		"positions":     {elsewhere, keep, "data_sha256: found the state of another scan"},
		"a mask":        {masked, keep, "data_sha256: found the state of another scan"},
		"another probe": {probe, keep, "probe_sha256: found the state of a run from another probe"},
		"an object":     {refined, keep, "command: found ptyx solve, expected ptyx refine; resume with ptyx solve"},
		"a start":       {begun, keep, "first_object: found , expected file; resume with the same --start"},
		"a method": {p, func(o *Options) { o.Method = EPIE },
			"method: found lsqml, expected epie; resume with --method=lsqml"},
		"a likelihood":   {p, func(o *Options) { o.Likelihood = Poisson }, "resume with --likelihood=amplitude"},
		"modes":          {p, func(o *Options) { o.Modes = 2 }, "modes: found 1, expected 2; resume with --modes=1"},
		"batches":        {p, func(o *Options) { o.BatchSize = 3 }, "resume with --batch-size=0"},
		"with positions": {p, func(o *Options) { o.Positions = true }, "resume with --positions=false"},
		"a seed":         {p, func(o *Options) { o.Seed = 1 << 63 }, "seed: found 0, expected 9223372036854775808"},
		"fewer passes":   {p, func(o *Options) { o.Passes = 1 }, "--iterations: found 1, expected 2 or more"},
	} {
		o := o
		c.change(&o)
		before := read(t, path)
		got, err := keptRun(t, c.problem, o, path, true, cut{})
		var bad *badinput.Error
		if !errors.As(err, &bad) || got != nil || !strings.HasPrefix(err.Error(), path+": ") ||
			!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "without --resume") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if !bytes.Equal(before, read(t, path)) {
			t.Errorf("%s: the state was overwritten", name)
		}
	}
	probe.ProbeOverwritten = true
	if _, err := keptRun(t, probe, o, path, true, cut{}); err != nil {
		t.Errorf("a probe that the run has overwritten: %v", err)
	}
	var bad *badinput.Error
	_, err := keptRun(t, p, o, path+"x", true, cut{})
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "x: found no such file, expected the state of a run;") {
		t.Errorf("no state: %v", err)
	}
}

// TestDamagedStatesAreRefused: with each array missing or of another length, and with values that no run has.
func TestDamagedStatesAreRefused(t *testing.T) {
	p, _ := simulated(t, 12, 1e5)
	o := usual()
	o.Passes, o.Threads, o.Positions = 7, 1, true
	path := filepath.Join(t.TempDir(), "state.npz")
	if _, err := keptRun(t, p, o, path, false, cut{}); err != nil {
		t.Fatal(err)
	}
	file, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]npz.Member{}
	for _, key := range file.Keys() {
		members[key] = npz.Member{Key: key, Value: value(t, file, key)}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	far := make([]float64, len(p.X))
	copy(far, p.X)
	far[3] += 4.01
	spoilt := map[string]any{"x": far, "best.x": far, "last.x": far, "step_share": 2.0, "best.residual": -1.0}
	object := members["object.re"].Value.(*ndarray.Float32).Clone()
	object.Data[7] = float32(math.NaN())
	spoilt["object.re"] = object
	for key := range members {
		if _, ok := spoilt[key]; !ok && !optional(key) {
			spoilt[key] = nil
		}
	}
	spoilt["progress"] = []int64{7, 0, 13}
	spoilt["history.residual"] = []float64{}
	for key, v := range spoilt {
		var list []npz.Member
		for _, k := range slices.Sorted(maps.Keys(members)) {
			m := members[k]
			if k == key {
				if m.Value = v; v == nil {
					continue
				}
			}
			list = append(list, m)
		}
		damaged := filepath.Join(t.TempDir(), "damaged.npz")
		if err := npz.Write(damaged, list); err != nil {
			t.Fatal(err)
		}
		_, err := keptRun(t, p, o, damaged, true, cut{})
		var bad *badinput.Error
		if !errors.As(err, &bad) || bad.File != damaged {
			t.Errorf("%s damaged: %v", key, err)
		}
	}
}

// optional reports whether a state may lack the array: a run that has just started again has no pass before.
func optional(key string) bool { return key == "last.object.re" || key == "last.y" }

// value reads any array of a state.
func value(t *testing.T, file *npz.Reader, key string) any {
	t.Helper()
	if text, err := file.String(key); err == nil {
		return text
	}
	header, err := file.Header(key)
	if err != nil {
		t.Fatal(err)
	}
	if len(header.Shape) < 2 {
		v, err := file.Float64s(key)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v, err := file.Float32(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAStateThatCannotBeSavedKeepsTheSolution and says so, between passes and at the end.
func TestAStateThatCannotBeSavedKeepsTheSolution(t *testing.T) {
	p, _ := simulated(t, 12, 1e5)
	o := usual()
	o.Passes, o.SaveEvery = 3, 2
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o.Checkpoint = filepath.Join(blocked, "state.npz")
	var unsaved *Unsaved
	s, err := Run(t.Context(), p, o, fast(t, o.Threads), func(pass Pass) {
		if failed := errors.As(pass.Unsaved, &unsaved); failed != (pass.Number == 2) {
			t.Errorf("pass %d: %v", pass.Number, pass.Unsaved)
		}
	})
	if !errors.As(err, &unsaved) || s == nil || len(s.History) != 3 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestEPIENeedsNoEngine: it solves without one, and says that Go computed.
func TestEPIENeedsNoEngine(t *testing.T) {
	p, truth := simulated(t, 60, 1e6)
	o := usual()
	o.Method = EPIE
	s, err := Run(t.Context(), p, o, nil, func(Pass) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := correlation(t, s, truth); !(got > 0.9) || s.Device != "Go" || EPIE.OnEngine() || !LSQML.OnEngine() {
		t.Errorf("correlation %v on %s", got, s.Device)
	}
}

// TestAKilledRunResumesFromItsLastSave, made between two passes, to the bytes of a run that was never killed.
func TestAKilledRunResumesFromItsLastSave(t *testing.T) {
	p, o := resumable(t)["lsqml, all"]()
	o.Passes, o.SaveEvery = 7, 2
	dir := t.TempDir()
	left, path := filepath.Join(dir, "left.npz"), filepath.Join(dir, "state.npz")
	o.Checkpoint = path
	want, err := Run(t.Context(), p, o, fast(t, o.Threads), func(pass Pass) {
		if pass.Number != 5 {
			return
		}
		if err := os.WriteFile(left, read(t, path), 0o600); err != nil { // as a kill in the next pass leaves it
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Resume, o.Checkpoint = left, left
	got, err := Run(t.Context(), p, o, fast(t, o.Threads), func(Pass) {})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "killed", got, want)
	if got.Resumed != 4 {
		t.Errorf("resumed after %d passes, the last save was after 4", got.Resumed)
	}
	if !bytes.Equal(read(t, path), read(t, left)) {
		t.Error("the states differ")
	}
}
