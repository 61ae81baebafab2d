package solve

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// fact is something that a saved state and the run that continues from it must have in common.
type fact struct {
	key, value string
	differs    string // message for another value; empty: the value itself is printed
	remedy     string // with %s for the value in the file
	ignored    bool   // when a state is loaded
}

// With what the states of other scans and other probes are refused.
const (
	keyDataDigest  = "data_sha256"
	anotherScan    = "the state of another scan, or of another view of it"
	sameScan       = "resume with the same --data and the same flags for reading it"
	keyProbeDigest = "probe_sha256"
	anotherProbe   = "the state of a run from another probe"
	sameProbe      = "resume with the same probe"
)

// identify lists the facts of a run. Engine, device and threads are not among them: they change only the rounding.
func identify(p Problem, o Options) ([]fact, error) {
	command, object := "ptyx solve", ""
	if p.Object != nil && p.Start == "" {
		command = "ptyx refine"
	}
	if p.Object != nil {
		object = digest([]int64{int64(p.Row), int64(p.Col)}, lengths(p.Object), p.Object.Data)
	}
	data, err := p.digest()
	if err != nil {
		return nil, err
	}
	probe, given := "", p.Probe
	if p.FoundProbe != nil {
		given = p.GivenProbe
	}
	if given != nil {
		probe = digest(lengths(given), given.Data)
	}
	facts := []fact{
		{"command", command, "", "resume with %s", false},
		{"first_object", p.Start, "", "resume with the same --start", false},
		{keyDataDigest, data, anotherScan, sameScan, false},
		{"object_sha256", object, "the state of a run from another object", "resume with the same --recon or --start",
			p.ObjectOverwritten},
		{keyProbeDigest, probe, anotherProbe, sameProbe, p.ProbeOverwritten},
	}
	for _, option := range []struct {
		flag  string
		value any
	}{
		{"method", o.Method}, {"likelihood", o.Likelihood}, {"batch-size", o.BatchSize}, {"modes", o.Modes},
		{"positions", o.Positions}, {"seed", o.Seed}, {"opr", o.OPR},
		{"flicker", o.Flicker}, {"background", o.Background},
		{"freeze", o.Freeze}, {"smooth", o.Smooth}, {"probe-support", o.ProbeSupport},
	} {
		facts = append(facts, fact{
			key: strings.ReplaceAll(option.flag, "-", "_"), value: fmt.Sprint(option.value),
			remedy: "resume with --" + option.flag + "=%s",
		})
	}
	return facts, nil
}

// check compares the fact with its value in a file.
func (f fact) check(path, found string) error {
	if f.ignored || found == f.value {
		return nil
	}
	remedy := strings.ReplaceAll(f.remedy, "%s", found) + ", or start anew without --resume"
	if f.differs != "" {
		found = f.differs
	}
	return &badinput.Error{File: path, Key: f.key, Found: found, Expected: f.value, Remedy: remedy}
}

// digest is the SHA-256 of what the solver knows of a scan: number and size of the patterns, amplitudes, mask,
// positions.
func (p Problem) digest() (string, error) {
	if p.GivenX != nil {
		p.X, p.Y = p.GivenX, p.GivenY
	}
	h, n := sha256.New(), int64(p.Patterns.Side())
	write(h, []int64{3, int64(p.Patterns.Count()), n, n})
	if err := eachPattern(p.Patterns, func(_ int, pattern []float32) { write(h, pattern) }); err != nil {
		return "", err
	}
	write(h, int64(len(p.Measured)), p.Measured, p.X, p.Y)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// lengths are those of an array's axes, with their number before them.
func lengths[T ndarray.Element](a *ndarray.Array[T]) []int64 {
	out := []int64{int64(len(a.Shape))}
	for _, length := range a.Shape {
		out = append(out, int64(length))
	}
	return out
}

// digest is the SHA-256, in hex, of numbers and slices of numbers, little-endian.
func digest(parts ...any) string {
	h := sha256.New()
	write(h, parts...)
	return hex.EncodeToString(h.Sum(nil))
}

func write(h hash.Hash, parts ...any) {
	for _, part := range parts {
		_ = binary.Write(h, binary.LittleEndian, part) // a hash takes everything
	}
}
