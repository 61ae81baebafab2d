package progress

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal. What is written to its end is what a screen gets, which shown returns once the end is closed.
func terminal(t *testing.T) (end *os.File, shown func() []byte) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if end, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(end.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120}); err != nil {
		t.Fatal(err)
	}
	text := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(screen) // ends with an input/output error when the other end is closed
		text <- all
	}()
	return end, func() []byte { end.Close(); return <-text }
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestTerminals: a terminal that moves its cursor gets a bar, a dumb one the plain lines, and neither any colour, whatever
// NO_COLOR says.
func TestTerminals(t *testing.T) {
	for name, bar := range map[string]bool{"xterm-256color": true, "dumb": false} {
		t.Setenv("TERM", name)
		end, shown := terminal(t)
		training(New(end, 2, false))
		text := shown()
		if drawn := bytes.Contains(text, []byte("[====")); drawn != bar {
			t.Errorf("%s: a bar is %v in %q", name, drawn, text)
		}
		if want := bytes.ReplaceAll([]byte(plain), []byte("\n"), []byte("\r\n")); !bar && !bytes.Equal(text, want) {
			t.Errorf("%s shows %q, want %q", name, text, want)
		}
		if colour.Match(text) {
			t.Errorf("%s: colours in %q", name, text)
		}
	}
}
