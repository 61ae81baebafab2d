package source

import (
	"io"

	"ptyx/internal/format/empad"
	"ptyx/internal/format/tiff"
)

// stack is a file that is one array of patterns, as a container. Its layout is that of format.
type stack struct {
	sliced
	io.Closer
	format string
	empad  *empad.File // of that format
}

func (s stack) Path() string { return s.file }

func (s stack) Names() ([]string, error) { return []string{s.place}, nil }

func (s stack) Has(path string) (bool, error) { return path == s.place, nil }

func (s stack) open(string) (array, error) { return s.sliced, nil }

func (s stack) arrays() (map[string]array, error) { return map[string]array{s.place: s.sliced}, nil }

func (s stack) attribute(string, string) (float64, bool, error) { return 0, false, nil }

func (s stack) attributeText(string, string) (string, bool, error) { return "", false, nil }

func (s stack) inside(string) ([]string, bool, error) { return nil, false, nil }

// openStack opens a file that is one array of patterns; found is false for a file of another kind.
func openStack(path string) (c container, found bool, err error) {
	switch {
	case tiff.Is(path):
		s, err := tiff.OpenStack(path)
		if err != nil {
			return nil, true, err
		}
		return stack{format: tiffFormat, Closer: s, sliced: sliced{
			file: path, place: "pages", dtype: s.Dtype, shape: []int{s.Frames(), s.Height, s.Width}, rows: s.Read,
			direct: true,
		}}, true, nil
	case empad.Is(path):
		f, err := empad.Open(path)
		if err != nil {
			return nil, true, err
		}
		return stack{format: empadFormat, Closer: f, empad: f, sliced: sliced{
			file: path, place: "frames", dtype: "<f4", shape: []int{f.Frames, empad.Side, empad.Side}, rows: f.Read,
			direct: true,
		}}, true, nil
	}
	return nil, false, nil
}

// of reports whether the file is one array of patterns of a format.
func (r *reader) of(format string) bool {
	s, is := r.file.(stack)
	return is && s.format == format
}

// takeStack takes the patterns of a file that is one array of them.
func (r *reader) takeStack() stack {
	s := r.file.(stack)
	r.Facts.Kind = Counts
	r.members[Patterns] = member{place: s.place, array: s.sliced}
	return s
}
