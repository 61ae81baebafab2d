package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ptyx/internal/base/testutil"
)

// How each shell is started. Its startup file makes of ptyx a function that shows its words.
var shells = map[string]struct {
	args    []string
	startup string
}{
	"bash": {[]string{"--noprofile", "--rcfile", ".bash", "-i"}, `source .script
PS1='ready> '
ptyx() { printf got; printf '<%s>' "$@"; echo; }
`},
	"zsh": {[]string{"-d", "-i"}, `autoload -Uz compinit; compinit -u -D
source .script
PS1='ready> '
ptyx() { printf got; printf '<%s>' "$@"; echo; }
`},
	"fish": {[]string{"--no-config", "-i", "-C", "source .fish"}, `source .script
function fish_prompt; printf 'ready> '; end
function ptyx; printf got; printf '<%s>' $argv; echo; end
`},
}

// TestShellsComplete types at shells: a tab completes commands, flags, values, files and directories.
func TestShellsComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"scan one.npz", "tune.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tuned"), 0o755); err != nil {
		t.Fatal(err)
	}
	table := []struct{ typed, want string }{
		{"sim\t", "<simulate>"},
		{"-q ref\t", "<-q><refine>"},
		{"train --object-e\tfu\t", "<train><--object-extent><full>"},
		{"infer --engine=ta\t", "<infer><--engine><tape>"},
		{"train --train-data-file sc\t", "<train><--train-data-file><scan one.npz>"},
		{"train --config tune.\t", "<train><--config><tune.yaml>"},
		{"infer --output-dir tu\t", "<infer><--output-dir><tuned>"},
		{"validate sc\t --inp\tampl\t", "<validate><scan one.npz><--input><amplitude>"},
		{"completion fi\t", "<completion><fish>"},
		{"train --max-epochs tu\t", "<train><--max-epochs><tu>"},
		{"--ver\t", "<--verbose>"},
	}
	for name := range shells {
		if _, err := exec.LookPath(name); err != nil && name != "bash" {
			t.Logf("%s is not here to be tried", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			at := start(t, name, dir)
			for _, c := range table {
				if got := alike.Replace(at.say("ptyx " + c.typed)); got != c.want {
					t.Errorf("%q becomes %s, want %s", c.typed, got, c.want)
				}
			}
			if name != "bash" {
				return
			}
			if got, want := at.say("ptyx train --object_extent ce\t"), "<train><--object_extent><centre>"; got != want {
				t.Errorf("with an underscore: %s, want %s", got, want)
			}
		})
	}
}

// alike writes as one what shells do in their own ways: some set a value off by =, some a slash behind a directory.
var alike = strings.NewReplacer("=", "><", "/>", ">")

// startup is the name of the file that a shell reads first.
func startup(name string) string {
	if name == "zsh" {
		return ".zshrc"
	}
	return "." + name
}

// typist sits before a shell.
type typist struct {
	t      *testing.T
	screen *os.File
	chunks <-chan string // what was seen; closed at the end
	seen   string        // and not yet looked at
}

// start starts a shell in a directory, with the script of its completions. It ends with the test.
func start(t *testing.T, name, dir string) *typist {
	t.Helper()
	var script bytes.Buffer
	if status := run(t.Context(), []string{"completion", name}, &script, io.Discard); status != exitOK {
		t.Fatalf("completion %s: exit status %d", name, status)
	}
	for file, text := range map[string]string{".script": script.String(), startup(name): shells[name].startup} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	screen, end := testutil.Terminal(t)
	shell := exec.Command(name, shells[name].args...)
	shell.Dir, shell.Stdin, shell.Stdout, shell.Stderr = dir, end, end, end
	shell.Env = append(os.Environ(), "TERM=xterm", "HOME="+dir, "ZDOTDIR="+dir, "LC_ALL=C")
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	chunks := make(chan string)
	go func() {
		defer close(chunks)
		for buffer := make([]byte, 4096); ; {
			n, err := screen.Read(buffer)
			if err != nil { // as terminals end
				return
			}
			chunks <- string(buffer[:n])
		}
	}()
	t.Cleanup(func() {
		shell.Process.Kill()
		for range chunks {
		}
		shell.Wait()
	})
	return &typist{t: t, screen: screen, chunks: chunks}
}

var (
	ready = regexp.MustCompile(`ready> `)
	words = regexp.MustCompile(`got((<[^>]*>)+)\r?\n`)
)

// say types a line, and returns the words that the command got.
func (s *typist) say(line string) string {
	s.t.Helper()
	s.wait(ready)
	if _, err := s.screen.WriteString(line + "\n"); err != nil {
		s.t.Fatal(err)
	}
	return s.wait(words)[1]
}

// wait looks on until something is seen.
func (s *typist) wait(what *regexp.Regexp) []string {
	s.t.Helper()
	const patience = 20 * time.Second
	late := time.After(patience)
	for {
		if at := what.FindStringSubmatchIndex(s.seen); at != nil {
			found := what.FindStringSubmatch(s.seen)
			s.seen = s.seen[at[1]:]
			return found
		}
		select {
		case chunk, ok := <-s.chunks:
			if !ok {
				s.t.Fatalf("the shell has ended, and shows %q", s.seen)
			}
			s.seen += chunk
		case <-late:
			s.t.Fatalf("no %s in %q", what, s.seen)
		}
	}
}
