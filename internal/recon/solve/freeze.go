package solve

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Freeze are the numbers of first passes that leave object, probe and positions as they started.
type Freeze struct{ Object, Probe, Positions int }

// always freezes all passes.
const always = math.MaxInt

// parts names the fields.
func (f *Freeze) parts() []struct {
	name   string
	passes *int
} {
	return []struct {
		name   string
		passes *int
	}{{"object", &f.Object}, {"probe", &f.Probe}, {"positions", &f.Positions}}
}

// ends reports whether something begins to move after one of the passes from first to last.
func (f Freeze) ends(first, last int) bool {
	for _, part := range f.parts() {
		if passes := *part.passes; passes >= first && passes <= last {
			return true
		}
	}
	return false
}

// UnmarshalText reads "object", "probe" and "positions", separated by commas. Each may be followed by a colon and a
// number of passes; without one, all passes leave it.
func (f *Freeze) UnmarshalText(text []byte) error {
	*f = Freeze{}
	if len(text) == 0 {
		return nil
	}
	for _, item := range strings.Split(string(text), ",") {
		name, count, limited := strings.Cut(item, ":")
		passes := always
		if limited {
			var err error
			if passes, err = strconv.Atoi(count); err != nil || passes < 1 {
				return errors.New("expected a number of passes, 1 or more, after the colon of " + strconv.Quote(item))
			}
		}
		known := false
		for _, part := range f.parts() {
			if part.name == name {
				*part.passes, known = passes, true
			}
		}
		if !known {
			return errors.New("expected object, probe or positions, such as probe:10, found " + strconv.Quote(item))
		}
	}
	return nil
}

// String is the text that UnmarshalText reads.
func (f Freeze) String() string {
	var list []string
	for _, part := range f.parts() {
		switch passes := *part.passes; passes {
		case 0:
		case always:
			list = append(list, part.name)
		default:
			list = append(list, part.name+":"+strconv.Itoa(passes))
		}
	}
	return strings.Join(list, ",")
}

// MarshalText writes what UnmarshalText reads.
func (f Freeze) MarshalText() ([]byte, error) { return []byte(f.String()), nil }
