package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fakeShards is a training whose plan is a number: the result of a shard is the plan, step and shard, and then twice
// the parameters.
type fakeShards struct {
	plan string
	done *atomic.Int64
	stop bool // never ends
}

func (f fakeShards) Compute(step, shard int, parameters []float32) ([]float32, error) {
	if f.stop {
		fmt.Println("began")
		select {}
	}
	f.done.Add(1)
	return resultOf(f.plan, step, shard, parameters), nil
}

func (fakeShards) Close() error { return nil }

func resultOf(plan string, step, shard int, parameters []float32) []float32 {
	values := []float32{float32(1000*len(plan) + 100*step + shard)}
	for _, p := range parameters {
		values = append(values, 2*p)
	}
	return values
}

// trainingWorker computes the shards of any plan.
func trainingWorker(done *atomic.Int64, timing Timing) WorkerOptions {
	return WorkerOptions{
		Timing: timing, Grace: 3 * time.Second, Log: slog.New(slog.DiscardHandler),
		OpenTraining: func(_ context.Context, plan []byte) (Shards, error) {
			return fakeShards{plan: string(plan), done: done}, nil
		},
	}
}

// parametersOf are the parameters before a step.
func parametersOf(step, count int) []float32 {
	values := make([]float32, count)
	for i := range values {
		values[i] = float32(step) + float32(i%97)
	}
	return values
}

// newSteps begins a training of three shards a step.
func newSteps(t *testing.T, c *Connection, plan string, timing Timing) *Steps {
	t.Helper()
	s, err := NewSteps(t.Context(), c, StepOptions{
		Plan: []byte(plan), Timing: timing, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkStep makes a step and compares its results.
func checkStep(t *testing.T, s *Steps, plan string, step, count int) {
	t.Helper()
	parameters := parametersOf(step, count)
	got, err := s.Step(t.Context(), step, 3, parameters)
	if err != nil {
		t.Fatal(err)
	}
	for shard, values := range got {
		if !slices.Equal(values, resultOf(plan, step, shard, parameters)) {
			t.Errorf("step %d, shard %d: other values", step, shard)
		}
	}
}

// Parameters and gradients longer than a message come in parts, also for two trainings at the same time.
func TestStepsOfTwoTrainings(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	var done atomic.Int64
	first, second := start(t, b.URL, trainingWorker(&done, steady)), start(t, b.URL, trainingWorker(&done, steady))
	large, small := newSteps(t, c, "large", steady), newSteps(t, c, "s", steady)
	const steps = 4
	for step := range steps {
		checkStep(t, large, "large", step, 300_000)
		checkStep(t, small, "s", step, 5)
	}
	for _, s := range []*Steps{large, small} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	// A busy machine may compute a shard twice.
	if n := first.end().Shards + second.end().Shards; n < 2*3*steps || int64(n) > done.Load() {
		t.Errorf("%d shards were stored and %d computed, want %d", n, done.Load(), 2*3*steps)
	}
	checkNoMessages(t, c, 0)
	if info, err := large.steps.Info(t.Context()); err != nil || info.State.Msgs != 0 {
		t.Errorf("parameters or gradients are left: %+v, %v", info, err)
	}
}

// A worker that is killed while it computes a shard loses nothing.
func TestAWorkerDiesDuringAStep(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	s := newSteps(t, c, "p", quick)
	defer s.Close()
	var done atomic.Int64
	go func() {
		command, _ := process(t, "stuck training", b.URL)
		kill(t, command)
		start(t, b.URL, trainingWorker(&done, quick))
	}()
	for step := range 3 {
		checkStep(t, s, "p", step, 10)
	}
}

// A broker that loses its disk gets plan, parameters and tasks again.
func TestStepsOutliveTheBrokersDisk(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	b := brokerAt(t, t.TempDir(), address)
	c := connected(t, b.URL)
	s := newSteps(t, c, "p", quick)
	defer s.Close()
	var done atomic.Int64
	start(t, b.URL, trainingWorker(&done, quick))
	checkStep(t, s, "p", 0, 10)
	b.Close()
	again := brokerAt(t, t.TempDir(), address)
	defer again.Close()
	checkStep(t, s, "p", 1, 10)
}

// A plan that no worker can carry out ends the training with the reason.
func TestAPlanThatNoWorkerCanCarryOut(t *testing.T) {
	t.Parallel()
	b := broker(t)
	timing := quick
	timing.MaxPause = 10 * time.Millisecond
	o := trainingWorker(nil, timing)
	o.OpenTraining = func(context.Context, []byte) (Shards, error) {
		return nil, errors.New("scan.npz is another file")
	}
	start(t, b.URL, o)
	s := newSteps(t, connected(t, b.URL), "p", quick)
	defer s.Close()
	_, err := s.Step(t.Context(), 0, 3, parametersOf(0, 10))
	if err == nil || !strings.HasSuffix(err.Error(), "of step 1 cannot be computed: scan.npz is another file") {
		t.Errorf("got %v", err)
	}
}

func TestMalformedShards(t *testing.T) {
	task := shardTask{Parts: 1, Shard: 2, Step: 3}
	if got, err := decodeShardTask(task.encode()); err != nil || got != task {
		t.Fatalf("%+v, %v", got, err)
	}
	part := shardResult{task: task, values: []float32{1, 2}}.parts(1000)[0]
	change := func(data []byte, at int, value byte) []byte {
		data = slices.Clone(data)
		data[at] = value
		return data
	}
	for name, data := range map[string][]byte{
		"a short task": task.encode()[:40], "a long task": append(task.encode(), 0),
		"another version": change(task.encode(), 4, 9), "no parts": change(task.encode(), 6, 0),
		"a shard of 2^31": change(task.encode(), 11, 0x80),
	} {
		if _, err := decodeShardTask(data); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"a short part": part[:20], "half a value": part[:len(part)-2], "another version": change(part, 4, 9),
		"a part beyond the last": change(part, 8, 1), "a text beyond the end": change(part, 10, 200),
		"no text": change(change(part, 10, 4), len(part)-8, 0xff),
	} {
		if _, _, _, err := decodeGradient(data); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkStep is a step of 4 shards of the general network's 141 162 parameters, without any computation: what the
// exchange costs.
func BenchmarkStep(b *testing.B) {
	server := broker(b)
	c := connected(b, server.URL)
	var done atomic.Int64
	for range 2 {
		start(b, server.URL, trainingWorker(&done, patient))
	}
	s, err := NewSteps(b.Context(), c, StepOptions{
		Plan: []byte("p"), Timing: patient, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	parameters := parametersOf(0, 141_162)
	step := 0
	for ; b.Loop(); step++ {
		parameters[0] = float32(step)
		if _, err := s.Step(b.Context(), step, 4, parameters); err != nil {
			b.Fatal(err)
		}
	}
	stats := c.nc.Stats()
	b.ReportMetric(float64(stats.OutBytes)/float64(step), "B-sent/step")
	b.ReportMetric(float64(stats.InBytes)/float64(step), "B-received/step")
}
