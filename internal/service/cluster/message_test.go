package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/predict"
	"ptyx/models"
)

func exampleTask() Task {
	s := shape{Samples: 3, Channels: 2, N: 4}
	t := Task{Job: Digest{1, 2}, Model: Digest{3}, Batch: 70000, shape: s, Patterns: make([]float32, s.values())}
	for i := range t.Patterns {
		t.Patterns[i] = float32(i) / 3
	}
	t.Offsets = []float32{0, 0.25, -0.5, 0.5, -0.125, 0}
	return t
}

// withProbes is the example with so many probes.
func withProbes(count int) Task {
	t := exampleTask()
	for i := range count * 2 * 4 * 4 {
		t.Probe.Re, t.Probe.Im = append(t.Probe.Re, float32(i)), append(t.Probe.Im, -float32(i)/7)
	}
	return t
}

func exampleOutcome() Outcome {
	s := shape{Samples: 3, Channels: 2, N: 4}
	o := Outcome{Job: Digest{1, 2}, Batch: 9, shape: s, Provider: "Fäke", First: make([]float32, s.values()),
		Second: make([]float32, s.values())}
	for i := range o.Second {
		o.First[i], o.Second[i] = float32(i), -float32(i)
	}
	return o
}

func TestMessagesReadBack(t *testing.T) {
	t.Parallel()
	for _, probes := range []int{0, 1, 3} {
		task, err := DecodeTask(withProbes(probes).Encode())
		if err != nil || !reflect.DeepEqual(task, withProbes(probes)) {
			t.Errorf("task with %d probes %+v, %v", probes, task, err)
		}
	}
	outcome, err := DecodeOutcome(exampleOutcome().Encode())
	if err != nil || !reflect.DeepEqual(outcome, exampleOutcome()) {
		t.Errorf("outcome %+v, %v", outcome, err)
	}
	needed, with := exampleTask(), exampleOutcome()
	needed.Variance, with.LogVariance = true, testutil.Uniform(1, -9, 0, with.values()).Data
	if task, err := DecodeTask(needed.Encode()); err != nil || !reflect.DeepEqual(task, needed) {
		t.Errorf("task that needs the variance %+v, %v", task, err)
	}
	if outcome, err = DecodeOutcome(with.Encode()); err != nil || !reflect.DeepEqual(outcome, with) {
		t.Errorf("outcome with the variance %+v, %v", outcome, err)
	}
	if most := maxOutcomeSize(with.shape, true); len(with.Encode()) > most {
		t.Errorf("an outcome of %d bytes with the variance, where %d are the most", len(with.Encode()), most)
	}
	if err := exampleOutcome().check(with.Job, with.shape, true); !errors.Is(err, errMalformed) {
		t.Errorf("an outcome without the variance that is needed: %v", err)
	}
	failed := exampleOutcome()
	failed.Failure = strings.Repeat("ü", maxText)
	outcome, err = DecodeOutcome(failed.Encode())
	if err != nil || outcome.Samples != 0 || outcome.Batch != failed.Batch ||
		!strings.HasPrefix(failed.Failure, outcome.Failure) || len(outcome.Failure) != maxText {
		t.Errorf("failure %+v, %v", outcome, err)
	}
	if most := maxOutcomeSize(exampleOutcome().shape, false); len(exampleOutcome().Encode()) > most ||
		len(exampleTask().Encode()) > most {
		t.Errorf("messages of %d and %d bytes, where %d are the most", len(exampleOutcome().Encode()),
			len(exampleTask().Encode()), most)
	}
}

// TestTasksWithProbesFit: a server's largest batch with one probe, and two thirds of it with a probe for each sample,
// fit into a message of the usual size.
func TestTasksWithProbesFit(t *testing.T) {
	t.Parallel()
	for _, n := range []int{32, 64, 128, 184, 256} {
		one := shape{Samples: 1, Channels: 1, N: n}
		most := max(1, (usualMessage-headerSize-headSize-maxText)/(8*one.values()))
		for _, c := range []struct{ samples, probes int }{{most, 1}, {max(1, most*2/3), max(1, most*2/3)}} {
			task := Task{shape: shape{Samples: c.samples, Channels: 1, N: n}}
			task.Patterns, task.Offsets = make([]float32, task.values()), make([]float32, 2*c.samples)
			probe := make([]float32, c.probes*n*n)
			task.Probe = predict.Probe{Re: probe, Im: probe}
			if size := len(task.Encode()) + headerSize; size > usualMessage {
				t.Errorf("%d samples of %d x %d with %d probes: %d bytes", c.samples, n, n, c.probes, size)
			}
		}
	}
}

// TestTheBrokerPassesPatternsOfEverySize: the largest patterns that networks take fit into a message of ptyx broker,
// also with a probe of their own.
func TestTheBrokerPassesPatternsOfEverySize(t *testing.T) {
	t.Parallel()
	network := models.Config{
		Kind: models.Unrolled, Channels: 1, FiltersScale: 1, Extent: models.Full, InputScale: 1, AmplitudeMax: 1,
	}
	largest := 0
	for network.N = 1; network.N <= maxN; network.N++ {
		if network.Validate() == nil {
			largest = network.N
		}
	}
	one := shape{Samples: 1, Channels: 1, N: largest}
	if size := max(maxOutcomeSize(one, true), taskSize(one, 1)) + headerSize; largest < 256 || size > maxMessage {
		t.Errorf("a pattern of %d x %d takes up to %d bytes, a message %d", largest, largest, size, maxMessage)
	}
}

// TestMalformed: malformed messages give errMalformed and allocate no more than their own length.
func TestMalformed(t *testing.T) {
	t.Parallel()
	word := func(at int, v uint16) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint16(b[at:], v); return b }
	}
	long := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"magic":            func(b []byte) []byte { b[3] = '?'; return b },
		"version":          word(4, version-1),
		"no channels":      word(6, 0),
		"many channels":    word(6, 60000),
		"no size":          word(8, 0),
		"large":            word(8, 60000),
		"text":             word(10, 60000),
		"samples":          long(12, 4),
		"many samples":     long(12, math.MaxUint32),
		"batch":            long(16, math.MaxUint32),
		"a byte too few":   func(b []byte) []byte { return b[:len(b)-1] },
		"a byte too many":  func(b []byte) []byte { return append(b, 0) },
		"a value too many": func(b []byte) []byte { return append(b, 0, 0, 0, 0) },
		"head alone":       func(b []byte) []byte { return b[:headSize] },
		"half a head":      func(b []byte) []byte { return b[:headSize-1] },
	} {
		if _, err := DecodeTask(spoil(exampleTask().Encode())); !errors.Is(err, errMalformed) {
			t.Errorf("task, %s: %v", name, err)
		}
		if _, err := DecodeOutcome(spoil(exampleOutcome().Encode())); !errors.Is(err, errMalformed) {
			t.Errorf("outcome, %s: %v", name, err)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), -1} {
		for name, values := range map[string]func(Task) []float32{
			"a pattern": func(t Task) []float32 { return t.Patterns },
			"an offset": func(t Task) []float32 { return t.Offsets },
			"a probe":   func(t Task) []float32 { return t.Probe.Im },
		} {
			if v == -1 && name == "a probe" {
				continue
			}
			task := withProbes(1)
			values(task)[3] = float32(v)
			if _, err := DecodeTask(task.Encode()); !errors.Is(err, errMalformed) {
				t.Errorf("%s with %v: %v", name, v, err)
			}
		}
	}
	if _, err := DecodeTask(withProbes(2).Encode()); !errors.Is(err, errMalformed) {
		t.Errorf("two probes for three samples: %v", err)
	}
}

// FuzzMessages: any bytes give a message that encodes to the same bytes, or errMalformed.
func FuzzMessages(f *testing.F) {
	failed := exampleOutcome()
	failed.Failure = "no"
	for _, seed := range [][]byte{exampleTask().Encode(), withProbes(1).Encode(), withProbes(3).Encode(),
		exampleOutcome().Encode(), failed.Encode(), nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		task, err := DecodeTask(data)
		if err == nil && !bytes.Equal(task.Encode(), data) {
			t.Error("a task encodes to other bytes")
		} else if err != nil && !errors.Is(err, errMalformed) {
			t.Error(err)
		}
		outcome, err := DecodeOutcome(data)
		if err == nil && !bytes.Equal(outcome.Encode(), data) {
			t.Error("an outcome encodes to other bytes")
		} else if err != nil && !errors.Is(err, errMalformed) {
			t.Error(err)
		}
	})
}
