package dataset

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/choice"
	"ptyx/internal/scan/source"
)

// InputKind is what a file's patterns are. The zero value counts as Auto.
type InputKind string

// The kinds of input.
const (
	Auto      InputKind = "auto"      // integers are counts, floats are amplitudes
	Amplitude InputKind = "amplitude" // square roots of counts, as the contract has them
	Intensity InputKind = "intensity" // counts
)

// MarshalText writes the zero value as Auto.
func (k InputKind) MarshalText() ([]byte, error) { return []byte(cmp.Or(k, Auto)), nil }

// UnmarshalText reads a kind from a flag.
func (k *InputKind) UnmarshalText(text []byte) error {
	return choice.Set(k, text, Auto, Amplitude, Intensity)
}

// PtychoPINN's scaling profiles: the file may state in two 0-d strings what its patterns are.
const (
	keyScaleContract = "scale_contract_version"
	keyDomain        = "measurement_domain"
)

var profiles = map[[2]string]InputKind{ // by the two strings
	{"", ""}:                               Auto,
	{"ci_intensity_v2", "count_intensity"}: Intensity,
	{"legacy_v1", "normalized_amplitude"}:  Amplitude,
}

// kinds are what the layout of a file states.
var kinds = map[source.Kind]InputKind{source.Amplitudes: Amplitude, source.Counts: Intensity}

// resolveInput decides what the patterns are: what the user states, else the file's scaling profile, else its layout,
// else the type of the values.
func (s *Scan) resolveInput(asked InputKind) error {
	stated, err := s.profile()
	if err != nil {
		return err
	}
	if stated == Auto {
		stated = cmp.Or(kinds[s.file.Facts.Kind], Auto)
	}
	asked = cmp.Or(asked, Auto)
	s.checked = true
	switch {
	case asked != Auto:
		if stated != Auto && stated != asked {
			s.log.Warn("the file states another kind of input",
				"file", s.Path, "profile", stated, "input", asked)
		}
		s.Input = asked
	case stated != Auto:
		s.Input = stated
	case s.patterns.integer:
		s.log.Warn("patterns of integer type are taken as photon counts; use --input amplitude if they are not",
			"file", s.Path, "key", s.patterns.key)
		s.Input = Intensity
	default:
		s.log.Info("patterns are taken as amplitudes", "file", s.Path, "key", s.patterns.key)
		s.Input, s.checked = Amplitude, false
	}
	s.patterns.window.amplitudes = s.Input == Amplitude
	return nil
}

// profile reads the scaling profile; Auto if the file states none.
func (s *Scan) profile() (InputKind, error) {
	contract, err := s.optionalText(keyScaleContract)
	if err != nil {
		return Auto, err
	}
	domain, err := s.optionalText(keyDomain)
	if err != nil {
		return Auto, err
	}
	kind, known := profiles[[2]string{contract, domain}]
	if !known {
		return Auto, s.Fault(keyScaleContract, fmt.Sprintf("%q with %s %q", contract, keyDomain, domain),
			"ci_intensity_v2 with count_intensity, or legacy_v1 with normalized_amplitude",
			"write a matching pair, or neither")
	}
	return kind, nil
}

// optionalText reads a string that may be absent; other types count as absent.
func (s *Scan) optionalText(key string) (string, error) {
	h, present, err := s.optional(key)
	if err != nil || !present || !h.Text() {
		return "", err
	}
	return s.file.String(key)
}

// checkForCounts warns once, by the first patterns read, if floats that were taken as amplitudes are counts: whole
// numbers above 2 throughout are not square roots of counts. PtychoPINN's rule of thumb, that amplitudes have max/mean
// < 100 and max < 10, does not help: the square roots of a million photons in a bright centre break it. values are
// valid amplitudes.
func (s *Scan) checkForCounts(values []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked {
		return
	}
	s.checked = true
	fraction := func(v float32) bool { return math.Trunc(float64(v)) != float64(v) }
	if !slices.ContainsFunc(values, fraction) && slices.Max(values) > 2 {
		s.log.Warn("patterns are taken as amplitudes but look like photon counts, all whole numbers; use "+
			"--input intensity if they are", "file", s.Path, "key", s.patterns.key)
	}
}
