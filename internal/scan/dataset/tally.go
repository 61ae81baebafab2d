package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
)

// tally gathers the statistics of a complete pass over the patterns.
type tally struct {
	power  float64 // sum of squared amplitudes
	dark   int     // frames without any light
	digest string  // set by finish

	hash hash.Hash
	buf  []byte
}

func newTally(s *Scan) *tally {
	t := &tally{hash: sha256.New(), buf: make([]byte, 0, 4*s.N*s.N)}
	t.write([]uint64{uint64(s.M), uint64(s.N)})
	return t
}

// add counts one frame of amplitudes.
func (t *tally) add(frame []float32) {
	before := t.power
	for _, v := range frame {
		t.power += float64(v) * float64(v)
	}
	if t.power == before && slices.Max(frame) == 0 {
		t.dark++
	}
	t.write(frame)
}

// finish adds coordinates and probe to the digest.
func (t *tally) finish(s *Scan) {
	t.write(s.X)
	t.write(s.Y)
	if s.Probe != nil {
		t.write(s.Probe.Data)
	}
	t.digest = hex.EncodeToString(t.hash.Sum(nil))
	t.hash, t.buf = nil, nil
}

// write adds numbers of a fixed size to the digest, little-endian. Neither step fails for these.
func (t *tally) write(numbers any) {
	t.buf, _ = binary.Append(t.buf[:0], binary.LittleEndian, numbers)
	_, _ = t.hash.Write(t.buf)
}

// MeanPower is the mean over patterns of the sum of squared amplitudes: the photons of a mean pattern. It needs a pass
// over the patterns, unless there was one. A scan without any light is a *badinput.Error.
func (s *Scan) MeanPower() (float64, error) {
	t, err := s.statistics()
	if err != nil {
		return 0, err
	}
	power := t.power / float64(s.M)
	if !(power > 0) {
		return 0, s.Fault(s.patterns.key, "patterns that are zero everywhere", "some light", "")
	}
	return power, nil
}

// ContentDigest is the SHA-256, in hex, of what was read: number and size of the patterns, amplitudes, coordinates,
// probe. The type, order and compression in the file do not matter. It needs a pass, as MeanPower does.
func (s *Scan) ContentDigest() (string, error) {
	t, err := s.statistics()
	if err != nil {
		return "", err
	}
	return t.digest, nil
}

// statistics are those of the last complete pass, or of a new one.
func (s *Scan) statistics() (*tally, error) {
	if t := s.kept(); t != nil {
		return t, nil
	}
	err := s.EachAmplitude(func([]float32) error { return nil })
	return s.kept(), err
}

func (s *Scan) kept() *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

// keep keeps the statistics of a complete pass.
func (s *Scan) keep(t *tally) {
	t.finish(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.totals == nil && t.dark > 0 && t.dark < s.M {
		s.log.Warn("patterns without any light carry no information: drop them",
			"file", s.Path, "key", s.patterns.key, "dark", t.dark, "patterns", s.M)
	}
	s.totals = t
}
