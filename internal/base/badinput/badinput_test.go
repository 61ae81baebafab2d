package badinput_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
)

func TestTheSentence(t *testing.T) {
	full := badinput.Error{File: "scan.npz", Key: "diff3d", Found: "shape (5, 64, 65)",
		Expected: "square patterns (M, N, N)", Remedy: "crop the detector to a square"}
	caused := full
	caused.Cause = io.ErrUnexpectedEOF
	for _, c := range []struct {
		err  badinput.Error
		want string
	}{
		{full,
			"scan.npz: diff3d: found shape (5, 64, 65), expected square patterns (M, N, N); crop the detector to a " +
				"square"},
		{caused,
			"scan.npz: diff3d: found shape (5, 64, 65), expected square patterns (M, N, N) (unexpected EOF); crop " +
				"the detector to a square"},
		{badinput.Error{Found: "nothing"}, "found nothing"},
		{badinput.Error{Key: "--n", Found: "65", Expected: "64"}, "--n: found 65, expected 64"},
		{badinput.Error{File: "a", Found: "b", Cause: io.EOF}, "a: found b (EOF)"},
		{badinput.Error{File: "two  spaces .npz", Found: "試料 é"}, "two  spaces .npz: found 試料 é"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// The sentence stays on one line if file names, keys or causes hold line breaks.
func TestTheSentenceIsOneLine(t *testing.T) {
	for _, breaks := range []string{"\n", "\r\n", "\n\t  ", "\x1b", "\x00", "\u0085", "\n\n"} {
		broken := "a" + breaks + "b"
		err := badinput.Error{File: broken, Key: broken, Found: broken, Expected: broken, Remedy: broken,
			Cause: errors.New(broken)}
		if got, want := err.Error(), "a b: a b: found a b, expected a b (a b); a b"; got != want {
			t.Errorf("%q gives %q, want %q", breaks, got, want)
		}
	}
}

func TestTheErrorAndItsCauseAreFound(t *testing.T) {
	err := fmt.Errorf("reading the probe: %w",
		&badinput.Error{File: "p.npz", Found: "half a file", Cause: io.ErrUnexpectedEOF})
	var bad *badinput.Error
	if !errors.As(err, &bad) || bad.File != "p.npz" {
		t.Errorf("no *Error in %v", err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("no cause in %v", err)
	}
	if none := (&badinput.Error{Found: "x"}); none.Unwrap() != nil || strings.Contains(none.Error(), "(") {
		t.Errorf("a cause out of nothing: %v", none)
	}
}
