package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// A training's step is cut into shards, and each is a task. The messages are little-endian. A plan, which says what to
// train on what, is stored like a model, under its SHA-256. The parameters are stored once for each step.
//
//	task   "PTXS" version u16, parts u16, shard u32, step u64, job [32], plan [32], parameters [32]: SHA-256 of the
//	       parameters, which are stored in so many parts
//	result "PTXG" version u16, parts u16, part u16, text u16, shard u32, step u64, job [32], text, values f32:
//	       the loss, and then the gradients of all parameters, from the first part to the last
//
// The text of a result is empty, or says why the shard failed.
const (
	shardMagic    = "PTXS"
	gradientMagic = "PTXG"
)

// errObsolete says that nobody needs the result of a task any more.
var errObsolete = errors.New("the step is over")

// shardTask is one shard of a step. Shard is its batch in the job: each step replaces what is left of the last one.
type shardTask struct {
	Parts            uint16 // messages that hold the parameters
	Shard            uint32
	Step             uint64
	Job, Plan        Digest
	ParametersDigest Digest
}

type shardHead struct {
	Magic   [4]byte
	Version uint16
}

func (t shardTask) encode() []byte {
	h := shardHead{Magic: [4]byte([]byte(shardMagic)), Version: version}
	b, _ := binary.Append(nil, binary.LittleEndian, h) // never fails
	b, _ = binary.Append(b, binary.LittleEndian, t)
	return b
}

// decodeShardTask reads a task. Its errors wrap errMalformed.
func decodeShardTask(data []byte) (t shardTask, err error) {
	var h shardHead
	n, err := binary.Decode(data, binary.LittleEndian, &h)
	if err == nil {
		_, err = binary.Decode(data[n:], binary.LittleEndian, &t)
	}
	switch {
	case err != nil || len(data) != n+binary.Size(t):
		return t, fmt.Errorf("%w: a shard in %d bytes", errMalformed, len(data))
	case string(h.Magic[:]) != shardMagic || h.Version != version:
		return t, fmt.Errorf("%w: version %d, where this ptyx knows %d", errMalformed, h.Version, version)
	case t.Shard > math.MaxInt32 || t.Step > math.MaxInt32 || t.Parts == 0:
		return t, fmt.Errorf("%w: shard %d of step %d, %d parts", errMalformed, t.Shard, t.Step, t.Parts)
	}
	return t, nil
}

// gradientHead is the beginning of a part of a result, as it is on the wire.
type gradientHead struct {
	Magic                      [4]byte
	Version, Parts, Part, Text uint16
	Shard                      uint32
	Step                       uint64
	Job                        Digest
}

// shardResult is what a worker returns for a shard: the loss and then the gradients, or why it failed.
type shardResult struct {
	task   shardTask
	values []float32
	reason string
}

func (r shardResult) failure() string { return r.reason }

// parts cuts the values so that no message is longer than the limit.
func (r shardResult) parts(limit int) [][]byte {
	text, values := "", r.values
	if r.reason != "" {
		text, values = truncate(r.reason), nil
	}
	h := gradientHead{
		Magic: [4]byte([]byte(gradientMagic)), Version: version, Text: uint16(len(text)), Shard: r.task.Shard,
		Step: r.task.Step, Job: r.task.Job,
	}
	room := (limit - binary.Size(h) - len(text)) / 4
	count := max(1, (len(values)+room-1)/room)
	h.Parts = uint16(count)
	var parts [][]byte
	for i := range count {
		h.Part = uint16(i)
		own := values[min(i*room, len(values)):min((i+1)*room, len(values))]
		b, _ := binary.Append(make([]byte, 0, binary.Size(h)+len(text)+4*len(own)), binary.LittleEndian, h)
		parts = append(parts, appendFloats(append(b, text...), own))
	}
	return parts
}

// decodeGradient reads a part of a result: its values, or the reason of a failure. Its errors wrap errMalformed.
func decodeGradient(data []byte) (h gradientHead, values []float32, reason string, err error) {
	n, err := binary.Decode(data, binary.LittleEndian, &h)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %d bytes", errMalformed, len(data))
	case string(h.Magic[:]) != gradientMagic || h.Version != version:
		err = fmt.Errorf("%w: it begins with %q, version %d", errMalformed, h.Magic[:], h.Version)
	case h.Part >= h.Parts || int(h.Text) > min(maxText, len(data)-n) || (len(data)-n-int(h.Text))%4 != 0:
		err = fmt.Errorf("%w: part %d of %d with a text of %d in %d bytes", errMalformed, h.Part, h.Parts, h.Text,
			len(data))
	case !utf8.Valid(data[n : n+int(h.Text)]):
		err = fmt.Errorf("%w: a text that is none", errMalformed)
	default:
		values, reason = floats(data[n+int(h.Text):]), string(data[n:n+int(h.Text)])
	}
	return h, values, reason, err
}

// encodeParameters are the parameters as they are stored: parts, and the SHA-256 of all.
func encodeParameters(parameters []float32, limit int) (parts [][]byte, digest Digest) {
	all := appendFloats(make([]byte, 0, 4*len(parameters)), parameters)
	digest = sha256.Sum256(all)
	for len(all) > limit {
		parts, all = append(parts, all[:limit]), all[limit:]
	}
	return append(parts, all), digest
}

// decodeParameters joins the parts. The error errObsolete says that they are those of another step.
func decodeParameters(parts [][]byte, digest Digest) ([]float32, error) {
	all := bytes.Join(parts, nil)
	if sha256.Sum256(all) != digest {
		return nil, errObsolete
	}
	return floats(all), nil
}
