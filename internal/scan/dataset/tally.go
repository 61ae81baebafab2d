package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"slices"
)

// tally gathers what only a pass over all patterns can tell.
type tally struct {
	power  float64 // sum of squared amplitudes
	dark   int     // frames without any light
	digest string  // set by finish

	hash hash.Hash
	buf  []byte
}

func newTally(s *Scan) *tally {
	t := &tally{hash: sha256.New(), buf: make([]byte, 0, 4*s.N*s.N)}
	t.write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(t.buf, uint64(s.M)), uint64(s.N)))
	return t
}

// add counts one frame of amplitudes in.
func (t *tally) add(frame []float32) {
	b, before := t.buf, t.power
	for _, v := range frame {
		t.power += float64(v) * float64(v)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	if t.power == before && slices.Max(frame) == 0 {
		t.dark++
	}
	t.write(b)
}

// finish closes the digest with the small members.
func (t *tally) finish(s *Scan) {
	for _, list := range [][]float64{s.X, s.Y} {
		b := t.buf
		for _, v := range list {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		t.write(b)
	}
	if s.Probe != nil {
		b := t.buf
		for _, p := range s.Probe.Data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(real(p)))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(imag(p)))
		}
		t.write(b)
	}
	t.digest = hex.EncodeToString(t.hash.Sum(nil))
	t.hash, t.buf = nil, nil
}

// write feeds the hash, which never fails.
func (t *tally) write(b []byte) { _, _ = t.hash.Write(b) }
