package survey

import (
	"slices"
	"strings"
)

// command is the command line that would check the scan with the likeliest guess of each role; empty without patterns.
func (s *Survey) command() []string {
	if s.best(Patterns) == nil {
		return []string{}
	}
	line := []string{"ptyx", "validate", s.Files[0].Path}
	if s.follow != "" {
		line = append(line, "--follow-links", s.follow)
	}
	for _, role := range Roles {
		if g := s.best(role); g != nil {
			line = append(line, g.Flags...)
		}
	}
	if s.crop {
		line = append(line, "--crop", "auto")
	}
	return append(line, "--save-layout", "scan.yaml")
}

// missing says what of a scan is not in the files, and what to do about it.
func (s *Survey) missing() (all []string) {
	for _, m := range []struct {
		role Role
		does string
	}{
		{Patterns, "no command can read a scan without them"},
		{Positions, "name their file, such as a CSV, as --positions-file, or inspect it together with this one"},
		{Energy, "give --energy-ev"},
		{Distance, "give --distance-m"},
		{Pixel, "give --detector-pixel-um"},
	} {
		optics := m.role == Energy || m.role == Distance || m.role == Pixel
		if s.best(m.role) == nil && !(optics && s.inPixels()) {
			all = append(all, string(m.role)+": "+m.does)
		}
		if m.role == Positions && s.best(Positions) == nil && s.short != "" {
			all[len(all)-1] += "; " + s.short
		}
	}
	return all
}

// inPixels reports whether the likeliest positions are object pixels, which need no optics.
func (s *Survey) inPixels() bool {
	g := s.best(Positions)
	return g != nil && g.pixels
}

// quoted joins words to a line of a shell.
func quoted(words []string) string {
	line := slices.Clone(words)
	for i, w := range line {
		plain := func(c rune) bool {
			return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
				strings.ContainsRune("/._-:=@,+%", c)
		}
		if w == "" || strings.ContainsFunc(w, func(c rune) bool { return !plain(c) }) {
			line[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(line, " ")
}
