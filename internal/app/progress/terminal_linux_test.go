package progress

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"ptyx/internal/base/testutil"
)

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestTerminals: a terminal that moves its cursor gets a bar, a dumb one the plain lines, and neither any colour,
// whatever NO_COLOR says.
func TestTerminals(t *testing.T) {
	for name, bar := range map[string]bool{"xterm-256color": true, "dumb": false} {
		t.Setenv("TERM", name)
		screen, end := testutil.Terminal(t)
		seen := make(chan []byte)
		go func() {
			text, _ := io.ReadAll(screen) // which ends with an error, as terminals do
			seen <- text
		}()
		training(New(end, 2, false))
		end.Close()
		text := <-seen
		if drawn := bytes.Contains(text, []byte("[====")); drawn != bar {
			t.Errorf("%s: a bar is %v in %q", name, drawn, text)
		}
		if want := strings.ReplaceAll(plain, "\n", "\r\n"); !bar && string(text) != want {
			t.Errorf("%s shows %q, want %q", name, text, want)
		}
		if colour.Match(text) {
			t.Errorf("%s: colours in %q", name, text)
		}
	}
}
