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
)

// A message is a head of fixed size and float32 values, all little-endian. The head tells the length of the message,
// which is checked before memory is allocated. NPZ would add a zip archive to each batch; protobuf, a copy and
// generated code.
//
//	task    "PTXT" version u16, channels u16, n u16, 0 u16, samples u32, batch u32, job [32], model [32],
//	        patterns f32 (B, C, N, N)
//	outcome "PTXO" version u16, channels u16, n u16, text u16, samples u32, batch u32, job [32], text,
//	        amplitude f32 (B, C, N, N), phase f32 (B, C, N, N)
//
// The text of an outcome is the name of the provider. Without samples it says why the task failed.
const (
	taskMagic    = "PTXT"
	outcomeMagic = "PTXO"
	version      = 1
	headSize     = 20 + sha256.Size
	maxText      = 1 << 10
	maxN         = 1024 // as in a model's metadata
	maxChannels  = 256
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
	Patterns []float32 // (B, C, N, N), raw amplitudes
}

// Outcome is the result of a task.
type Outcome struct {
	Job           Digest
	Batch         int
	shape                   // no samples if the task failed
	Provider      string    // what computed the patches
	Failure       string    // why nothing did; empty: the patches are there
	First, Second []float32 // (B, C, N, N), the outputs of the network
}

// head is the beginning of every message, as it is on the wire.
type head struct {
	Magic                      [4]byte
	Version, Channels, N, Text uint16
	Samples, Batch             uint32
	Job                        Digest
}

// appendHead writes a head into a slice with room for the whole message.
func appendHead(magic string, s shape, text, batch int, job Digest) []byte {
	h := head{
		Version: version, Channels: uint16(s.Channels), N: uint16(s.N), Text: uint16(text),
		Samples: uint32(s.Samples), Batch: uint32(batch), Job: job,
	}
	copy(h.Magic[:], magic)
	// never fails
	b, _ := binary.Append(make([]byte, 0, headSize+sha256.Size+maxText+8*s.values()), binary.LittleEndian, h)
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
	case s.Channels < 1 || s.Channels > maxChannels || s.N < 1 || s.N > maxN || h.Text > maxText ||
		h.Batch > math.MaxInt32:
		return fault("%d channels of %d x %d, batch %d, text of %d bytes", s.Channels, s.N, s.N, h.Batch, h.Text)
	case int64(h.Samples) > int64(len(data))/4:
		return fault("%d samples in %d bytes", h.Samples, len(data))
	}
	return h, s, data[headSize:], nil
}

// hasFloats reports whether a body is count arrays of a shape. It computes no product that overflows.
func hasFloats(body []byte, s shape, count int) bool {
	sample := 4 * count * s.Channels * s.N * s.N // at most 2^31
	return len(body)%sample == 0 && len(body)/sample == s.Samples
}

// Encode returns the bytes of a task.
func (t Task) Encode() []byte {
	b := append(appendHead(taskMagic, t.shape, 0, t.Batch, t.Job), t.Model[:]...)
	return appendFloats(b, t.Patterns)
}

// DecodeTask reads a task. Its errors wrap errMalformed.
func DecodeTask(data []byte) (t Task, err error) {
	h, s, body, err := parseHead(data, taskMagic)
	if err != nil {
		return Task{}, err
	}
	if h.Text != 0 || s.Samples == 0 || len(body) < sha256.Size || !hasFloats(body[sha256.Size:], s, 1) {
		return Task{}, fmt.Errorf("%w: a task of shape %v in %d bytes", errMalformed, s.list(), len(data))
	}
	model, patterns := Digest(body[:sha256.Size]), floats(body[sha256.Size:])
	for i, v := range patterns {
		if !(v >= 0 && v <= math.MaxFloat32) { // false for NaN
			return Task{}, fmt.Errorf("%w: %v at value %d of the patterns", errMalformed, v, i)
		}
	}
	return Task{Job: h.Job, Model: model, Batch: int(h.Batch), shape: s, Patterns: patterns}, nil
}

// Encode returns the bytes of an outcome. It truncates a text that is too long.
func (o Outcome) Encode() []byte {
	text := truncate(o.Provider)
	if o.Failure != "" {
		text, o.Samples, o.First, o.Second = truncate(o.Failure), 0, nil, nil
	}
	b := append(appendHead(outcomeMagic, o.shape, len(text), o.Batch, o.Job), text...)
	return appendFloats(appendFloats(b, o.First), o.Second)
}

// DecodeOutcome reads an outcome. Its errors wrap errMalformed.
func DecodeOutcome(data []byte) (o Outcome, err error) {
	h, s, body, err := parseHead(data, outcomeMagic)
	if err != nil {
		return Outcome{}, err
	}
	n := int(h.Text)
	if n == 0 || len(body) < n || !utf8.Valid(body[:n]) || !hasFloats(body[n:], s, 2) {
		return Outcome{}, fmt.Errorf("%w: an outcome of shape %v in %d bytes", errMalformed, s.list(), len(data))
	}
	o = Outcome{Job: h.Job, Batch: int(h.Batch), shape: s}
	text, patches := string(body[:n]), body[n:]
	if s.Samples == 0 {
		o.Failure = text
		return o, nil
	}
	half := len(patches) / 2
	o.Provider, o.First, o.Second = text, floats(patches[:half]), floats(patches[half:])
	return o, nil
}

// check refuses an outcome of another job, or of another shape than its batch's.
func (o Outcome) check(job Digest, want shape) error {
	if o.Job != job {
		return fmt.Errorf("%w: batch %d of job %s", errMalformed, o.Batch, o.Job)
	}
	if o.Failure == "" && !ndarray.SameShape(o.list(), want.list()) {
		return fmt.Errorf("%w: patches of shape %v, expected %v", errMalformed, o.list(), want.list())
	}
	return nil
}

// maxOutcomeSize is the longest outcome of a shape, whatever computes it. A task is shorter.
func maxOutcomeSize(s shape) int { return headSize + maxText + 8*s.values() }

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
