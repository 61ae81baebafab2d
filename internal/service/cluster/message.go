package cluster

import (
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

// Messages have a head of fixed size and float32 behind it, all little-endian. So the length that a message must have is known from its head,
// and is compared before memory is taken. NPZ would add a zip archive to each batch, protobuf a copy and a generated package; neither tells more.
//
//	task    "PTXT" version u16, channels u16, n u16, 0 u16, samples u32, batch u32, job [32], model [32], patterns f32 (B, C, N, N)
//	outcome "PTXO" version u16, channels u16, n u16, text u16, samples u32, batch u32, job [32], text,
//	        amplitude f32 (B, C, N, N), phase f32 (B, C, N, N)
//
// The text of an outcome is the name of what computed. Without samples it is why nothing could be.
const (
	taskMagic    = "PTXT"
	outcomeMagic = "PTXO"
	version      = 1
	headSize     = 20 + sha256.Size
	taskHead     = headSize + sha256.Size
	mostText     = 1 << 10
	mostN        = 1024 // as of a model's metadata
	mostChannels = 256
)

// errMalformed is wrapped by every complaint about the bytes of a message.
var errMalformed = errors.New("malformed message")

// Digest is a SHA-256.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// shape is that of a batch: (B, C, N, N).
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

// Outcome is what became of a task.
type Outcome struct {
	Job              Digest
	Batch            int
	shape                      // without samples where it failed
	Provider         string    // what computed
	Failure          string    // why nothing did; empty: the patches are there
	Amplitude, Phase []float32 // (B, C, N, N) each
}

func head(magic string, s shape, text, batch int, job Digest) []byte {
	b := make([]byte, 0, taskHead+mostText+8*s.values())
	b = append(b, magic...)
	for _, v := range []int{version, s.Channels, s.N, text} {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(s.Samples))
	b = binary.LittleEndian.AppendUint32(b, uint32(batch))
	return append(b, job[:]...)
}

// parseHead understands a head; the rest of the message is body. It takes no memory.
func parseHead(data []byte, magic string) (s shape, text, batch int, job Digest, body []byte, err error) {
	fault := func(format string, args ...any) (shape, int, int, Digest, []byte, error) {
		return shape{}, 0, 0, Digest{}, nil, fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
	}
	if len(data) < headSize {
		return fault("%d bytes", len(data))
	}
	if string(data[:4]) != magic {
		return fault("it begins with %q, not %q", data[:4], magic)
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	if v := word(4); v != version {
		return fault("version %d, where this ptyx knows %d", v, version)
	}
	s = shape{Channels: word(6), N: word(8)}
	text = word(10)
	samples, number := binary.LittleEndian.Uint32(data[12:]), binary.LittleEndian.Uint32(data[16:])
	if s.Channels < 1 || s.Channels > mostChannels || s.N < 1 || s.N > mostN || text > mostText || number > math.MaxInt32 {
		return fault("%d channels of %d x %d, batch %d, text of %d bytes", s.Channels, s.N, s.N, number, text)
	}
	if int64(samples) > int64(len(data))/4 {
		return fault("%d samples in %d bytes", samples, len(data))
	}
	s.Samples = int(samples)
	return s, text, int(number), Digest(data[20:headSize]), data[headSize:], nil
}

// hasFloats tells whether a body is count float32 of a shape, without computing a product that overflows.
func hasFloats(body []byte, s shape, times int) bool {
	image := 4 * times * s.Channels * s.N * s.N // at most 2^31
	return len(body)%image == 0 && len(body)/image == s.Samples
}

// Encode gives the bytes of a task.
func (t Task) Encode() []byte {
	b := append(head(taskMagic, t.shape, 0, t.Batch, t.Job), t.Model[:]...)
	return appendFloats(b, t.Patterns)
}

// DecodeTask reads a task back. What is no task gives an error that wraps errMalformed.
func DecodeTask(data []byte) (t Task, err error) {
	s, text, batch, job, body, err := parseHead(data, taskMagic)
	if err != nil {
		return Task{}, err
	}
	if text != 0 || s.Samples == 0 || len(body) < sha256.Size || !hasFloats(body[sha256.Size:], s, 1) {
		return Task{}, fmt.Errorf("%w: a task of %d samples, shape (%d, %d, %d), in %d bytes", errMalformed, s.Samples, s.Channels, s.N, s.N, len(data))
	}
	t = Task{Job: job, Model: Digest(body[:sha256.Size]), Batch: batch, shape: s, Patterns: floats(body[sha256.Size:])}
	for i, v := range t.Patterns {
		if !(v >= 0 && v <= math.MaxFloat32) { // in accept form: NaN fails
			return Task{}, fmt.Errorf("%w: %v at value %d of the patterns", errMalformed, v, i)
		}
	}
	return t, nil
}

// Encode gives the bytes of an outcome. A text that is too long is cut.
func (o Outcome) Encode() []byte {
	text := cut(o.Provider)
	if o.Failure != "" {
		text, o.Samples, o.Amplitude, o.Phase = cut(o.Failure), 0, nil, nil
	}
	b := append(head(outcomeMagic, o.shape, len(text), o.Batch, o.Job), text...)
	return appendFloats(appendFloats(b, o.Amplitude), o.Phase)
}

// DecodeOutcome reads an outcome back. What is no outcome gives an error that wraps errMalformed.
func DecodeOutcome(data []byte) (o Outcome, err error) {
	s, text, batch, job, body, err := parseHead(data, outcomeMagic)
	if err != nil {
		return Outcome{}, err
	}
	if text == 0 || len(body) < text || !utf8.Valid(body[:text]) || !hasFloats(body[text:], s, 2) {
		return Outcome{}, fmt.Errorf("%w: an outcome of %d samples, shape (%d, %d, %d), in %d bytes", errMalformed, s.Samples, s.Channels, s.N, s.N, len(data))
	}
	o = Outcome{Job: job, Batch: batch, shape: s}
	said, rest := string(body[:text]), body[text:]
	if s.Samples == 0 {
		o.Failure = said
		return o, nil
	}
	o.Provider, o.Amplitude, o.Phase = said, floats(rest[:len(rest)/2]), floats(rest[len(rest)/2:])
	return o, nil
}

// belongs refuses an outcome of another job, or of another shape than that of its batch.
func (o Outcome) belongs(job Digest, want shape) error {
	if o.Job != job {
		return fmt.Errorf("%w: batch %d of job %s", errMalformed, o.Batch, o.Job)
	}
	if o.Failure == "" && !ndarray.SameShape(o.list(), want.list()) {
		return fmt.Errorf("%w: patches of shape %v, expected %v", errMalformed, o.list(), want.list())
	}
	return nil
}

// outcomeSize is at least how long the outcome of so many samples is, whatever computes; a task is shorter.
func outcomeSize(s shape) int { return headSize + mostText + 8*s.values() }

// cut is at most mostText bytes of a text, at least one, and valid UTF-8.
func cut(text string) string {
	text = text[:min(len(text), mostText)]
	if text = strings.ToValidUTF8(text, "?"); text == "" {
		return "?"
	}
	return text
}

func appendFloats(b []byte, values []float32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}
