package cluster

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
)

// A message is a head of fixed size and float32 values, all little-endian. The head tells the length of the message,
// which is checked before memory is allocated. NPZ would add a zip archive to each batch; protobuf, a copy and
// generated code.
//
//	task    "PTXT" version u16, channels u16, n u16, outputs u16, probes u16, samples u32, batch u32, job [32],
//	        model [32], patterns f32 (B, C, N, N), offsets f32 (B, 2), probes f32 (P, C, N, N), real and then imaginary
//	        part
//	outcome "PTXO" version u16, channels u16, n u16, outputs u16, text u16, samples u32, batch u32, job [32], text,
//	        outputs of the network f32 (B, C, N, N), one after the other
//
// The number of outputs is 2, or 3 with the variance. The number of probes is 0 for the model's own, 1, or that of the
// samples. The text of an outcome is the name of the provider. Without samples it says why the task failed.
const (
	taskMagic    = "PTXT"
	outcomeMagic = "PTXO"
	version      = 3
	headSize     = 22 + sha256.Size
	maxText      = 1 << 10
	maxN         = 1024 // as in a model's metadata
	maxChannels  = 256
	minOutputs   = 2
	maxOutputs   = 3
)

// errMalformed is wrapped by every error about the bytes of a message.
var errMalformed = errors.New("malformed message")

// Digest is a SHA-256.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// shape is the shape of a batch, (B, C, N, N).
type shape struct{ Samples, Channels, N int }

func (s shape) values() int { return s.Samples * s.Channels * s.N * s.N }

func (s shape) list() []int { return []int{s.Samples, s.Channels, s.N, s.N} }

// Task is a batch of patterns for a worker.
type Task struct {
	Job, Model Digest
	Batch      int // its number in the job
	shape
	Patterns []float32     // (B, C, N, N), raw amplitudes
	Offsets  []float32     // (B, 2), subpixel parts (x, y) of the positions
	Probe    predict.Probe // its zero value: the model's own
	Variance bool          // it is needed, too
}

// Outcome is the result of a task.
type Outcome struct {
	Job           Digest
	Batch         int
	shape                   // no samples if the task failed
	Provider      string    // what computed the patches
	Failure       string    // why nothing did; empty: the patches are there
	First, Second []float32 // (B, C, N, N), the outputs of the network
	LogVariance   []float32 // likewise, if the task needs it; else nil
}

// outputs is the number of outputs in a message.
func outputs(variance bool) int {
	if variance {
		return maxOutputs
	}
	return minOutputs
}

// head is the beginning of every message, as it is on the wire.
type head struct {
	Magic                                [4]byte
	Version, Channels, N, Outputs, Count uint16 // Count: probes of a task, bytes of an outcome's text
	Samples, Batch                       uint32
	Job                                  Digest
}

// appendHead writes a head into a slice with room for the whole message.
func appendHead(magic string, s shape, outputs, count, batch int, job Digest) []byte {
	h := head{
		Version: version, Channels: uint16(s.Channels), N: uint16(s.N), Outputs: uint16(outputs), Count: uint16(count),
		Samples: uint32(s.Samples), Batch: uint32(batch), Job: job,
	}
	copy(h.Magic[:], magic)
	room := headSize + sha256.Size + maxText + 4*outputs*s.values()
	b, _ := binary.Append(make([]byte, 0, room), binary.LittleEndian, h) // never fails
	return b
}

// parseHead reads and checks a head. body is the rest of the message.
func parseHead(data []byte, magic string) (h head, s shape, body []byte, err error) {
	fault := func(format string, args ...any) (head, shape, []byte, error) {
		return head{}, shape{}, nil, fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
	}
	if _, err := binary.Decode(data, binary.LittleEndian, &h); err != nil {
		return fault("%d bytes", len(data))
	}
	s = shape{Samples: int(h.Samples), Channels: int(h.Channels), N: int(h.N)}
	switch {
	case string(h.Magic[:]) != magic:
		return fault("it begins with %q, not %q", h.Magic[:], magic)
	case h.Version != version:
		return fault("version %d, where this ptyx knows %d", h.Version, version)
	case h.Outputs < minOutputs || h.Outputs > maxOutputs:
		return fault("%d outputs", h.Outputs)
	case s.Channels < 1 || s.Channels > maxChannels || s.N < 1 || s.N > maxN || h.Batch > math.MaxInt32:
		return fault("%d channels of %d x %d, batch %d", s.Channels, s.N, s.N, h.Batch)
	case int64(h.Samples) > int64(len(data))/4:
		return fault("%d samples in %d bytes", h.Samples, len(data))
	}
	return h, s, data[headSize:], nil
}

// hasOutputs reports whether a body is so many arrays of a shape. It computes no product that overflows.
func hasOutputs(body []byte, s shape, outputs int) bool {
	sample := 4 * outputs * s.Channels * s.N * s.N // at most 2^32
	return len(body)%sample == 0 && len(body)/sample == s.Samples
}

// Encode returns the bytes of a task.
func (t Task) Encode() []byte {
	return t.encode([]predict.Request{{Patterns: t.Patterns, Offsets: t.Offsets, Probe: t.Probe}})
}

// encode returns the bytes of a task with the patterns, offsets and probe of requests in place of its own. A request
// with a probe is alone.
func (t Task) encode(requests []predict.Request) []byte {
	image := t.Channels * t.N * t.N
	probe := requests[0].Probe
	b := append(appendHead(taskMagic, t.shape, outputs(t.Variance), probe.Count(image), t.Batch, t.Job), t.Model[:]...)
	for _, r := range requests {
		b = appendFloats(b, r.Patterns)
	}
	for _, r := range requests {
		offsets := r.Offsets
		if offsets == nil {
			offsets = make([]float32, 2*len(r.Patterns)/image)
		}
		b = appendFloats(b, offsets)
	}
	return appendFloats(appendFloats(b, probe.Re), probe.Im)
}

// DecodeTask reads a task. Its errors wrap errMalformed.
func DecodeTask(data []byte) (t Task, err error) {
	h, s, body, err := parseHead(data, taskMagic)
	if err != nil {
		return Task{}, err
	}
	probes, one := int(h.Count), s.Channels*s.N*s.N
	if s.Samples == 0 || probes > 1 && probes != s.Samples || len(data) != taskSize(s, probes) {
		return Task{}, fmt.Errorf("%w: a task of shape %v with %d probes in %d bytes", errMalformed, s.list(), probes,
			len(data))
	}
	t = Task{
		Job: h.Job, Model: Digest(body[:sha256.Size]), Batch: int(h.Batch), shape: s, Variance: h.Outputs == maxOutputs,
	}
	rest := body[sha256.Size:]
	next := func(count int) []float32 {
		values := floats(rest[:4*count])
		rest = rest[4*count:]
		return values
	}
	t.Patterns, t.Offsets = next(s.values()), next(2*s.Samples)
	if probes > 0 {
		t.Probe = predict.Probe{Re: next(probes * one), Im: next(probes * one)}
	}
	return t, t.checkValues()
}

// checkValues refuses values that no detector, position or probe has.
func (t Task) checkValues() error {
	for _, c := range []struct {
		name        string
		values      []float32
		least, most float32
	}{
		{"the patterns", t.Patterns, 0, math.MaxFloat32},
		{"the offsets", t.Offsets, -predict.MaxOffset, predict.MaxOffset},
		{"the probe", t.Probe.Re, -math.MaxFloat32, math.MaxFloat32},
		{"the probe", t.Probe.Im, -math.MaxFloat32, math.MaxFloat32},
	} {
		for i, v := range c.values {
			if !(v >= c.least && v <= c.most) { // false for NaN
				return fmt.Errorf("%w: %v at value %d of %s", errMalformed, v, i, c.name)
			}
		}
	}
	return nil
}

// Encode returns the bytes of an outcome. It truncates a text that is too long.
func (o Outcome) Encode() []byte {
	text := truncate(o.Provider)
	if o.Failure != "" {
		text, o.Samples, o.First, o.Second, o.LogVariance = truncate(o.Failure), 0, nil, nil, nil
	}
	b := append(appendHead(outcomeMagic, o.shape, outputs(o.LogVariance != nil), len(text), o.Batch, o.Job), text...)
	return appendFloats(appendFloats(appendFloats(b, o.First), o.Second), o.LogVariance)
}

// DecodeOutcome reads an outcome. Its errors wrap errMalformed.
func DecodeOutcome(data []byte) (o Outcome, err error) {
	h, s, body, err := parseHead(data, outcomeMagic)
	if err != nil {
		return Outcome{}, err
	}
	n := int(h.Count)
	if n == 0 || n > maxText || len(body) < n || !utf8.Valid(body[:n]) || !hasOutputs(body[n:], s, int(h.Outputs)) {
		return Outcome{}, fmt.Errorf("%w: an outcome of shape %v in %d bytes", errMalformed, s.list(), len(data))
	}
	o = Outcome{Job: h.Job, Batch: int(h.Batch), shape: s}
	text, patches := string(body[:n]), body[n:]
	if s.Samples == 0 {
		o.Failure = text
		return o, nil
	}
	size := len(patches) / int(h.Outputs)
	o.Provider, o.First, o.Second = text, floats(patches[:size]), floats(patches[size:2*size])
	if h.Outputs == maxOutputs {
		o.LogVariance = floats(patches[2*size:])
	}
	return o, nil
}

// check refuses an outcome of another job, of another shape than its batch's, or without a variance that is needed.
func (o Outcome) check(job Digest, want shape, variance bool) error {
	if o.Job != job {
		return fmt.Errorf("%w: batch %d of job %s", errMalformed, o.Batch, o.Job)
	}
	if o.Failure == "" && !ndarray.SameShape(o.list(), want.list()) {
		return fmt.Errorf("%w: patches of shape %v, expected %v", errMalformed, o.list(), want.list())
	}
	if o.Failure == "" && variance && o.LogVariance == nil {
		return fmt.Errorf("%w: batch %d has no variance", errMalformed, o.Batch)
	}
	return nil
}

// maxOutcomeSize is the longest outcome of a shape, with or without the variance, whatever computes it. A task without
// probes is shorter.
func maxOutcomeSize(s shape, variance bool) int {
	return headSize + maxText + 4*outputs(variance)*s.values()
}

// taskSize is the length of a task with a number of probes. There are at most 2^28 values in a sample, and fewer
// samples than bytes in memory.
func taskSize(s shape, probes int) int {
	one := s.Channels * s.N * s.N
	return headSize + sha256.Size + 4*(s.Samples*(one+2)+2*probes*one)
}

// truncate returns 1 to maxText bytes of a text, valid UTF-8.
func truncate(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "?")
	return cmp.Or(text, "?")
}

func appendFloats(b []byte, values []float32) []byte {
	b, _ = binary.Append(b, binary.LittleEndian, values) // never fails for numbers
	return b
}

func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	_, _ = binary.Decode(b, binary.LittleEndian, out) // the lengths match
	return out
}
