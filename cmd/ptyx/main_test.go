package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ptyx/internal/format/hdf5/hdf5test"
)

// TestMain makes the test binary answer to the name ptyx: as a command of the scripts, and as the process that other
// tests start by the path of binary.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"ptyx": main})
}

// tests removes what the tests share when they have ended.
type tests struct{ *testing.M }

func (t tests) Run() int {
	dir, err := os.MkdirTemp("", "ptyx-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared.dir = dir
	return t.M.Run()
}

// TestScripts runs testdata/script. Each file is a session at the shell. Those that begin with [!slow] skip are slow.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Condition: func(name string) (bool, error) { return name == "slow" && os.Getenv("PTYX_SLOW") != "", nil },
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"PTYX_ONNXRUNTIME", "PTYX_HDF5"} {
				e.Setenv(name, os.Getenv(name))
			}
			if library := hdf5test.Library(); library != "" {
				e.Setenv("PTYX_HDF5", library)
			}
			return nil
		},
	})
}

// binary is the path of ptyx.
func binary(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ptyx")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process runs ptyx with a temporary directory of its own.
type process struct {
	t         *testing.T
	binary    string
	temporary string
}

func newProcess(t *testing.T) process {
	t.Helper()
	return process{t, binary(t), t.TempDir()}
}

// command is the program about to run, with a limit on the size of its files in KiB; 0: none.
func (p process) command(fileLimit int, args ...string) *exec.Cmd {
	c := exec.Command(p.binary, args...)
	if fileLimit > 0 { // like a full disk: the write fails
		limit := fmt.Sprintf(`ulimit -f %d; exec "$@"`, fileLimit)
		c = exec.Command("bash", append([]string{"-c", limit, "sh", p.binary}, args...)...)
	}
	c.Env = append(os.Environ(), "CUDA_VISIBLE_DEVICES=", "TMPDIR="+p.temporary)
	return c
}

func (p process) run(args ...string) {
	p.t.Helper()
	if out, err := p.command(0, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("ptyx %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// star is a scan and the smallest network trained on it, as far as servers and workers need one.
type star struct {
	scan  string // of 60 positions
	small string // a scan of 12 positions
	run   string // the run directory, named star
}

// shared is the star of all tests.
var shared struct {
	star
	dir  string
	once sync.Once
}

// trainedStar makes the shared star when a test first needs it.
func trainedStar(t *testing.T) star {
	t.Helper()
	shared.once.Do(func() {
		in := func(name string) string { return filepath.Join(shared.dir, name) }
		s := star{in("scan.npz"), in("small.npz"), in("star")}
		p := newProcess(t)
		p.run("simulate", "--out", s.scan, "--positions", "60", "--step", "7", "--seed", "11")
		p.run("simulate", "--out", s.small, "--positions", "12", "--step", "7", "--seed", "11")
		p.run("train", "--train-data-file", s.scan, "--output-dir", s.run, "--max-epochs", "1", "--n-images", "4",
			"--batch-size", "4", "--gridsize", "1", "--n-filters-scale", "1", "--device", "cpu")
		shared.star = s
	})
	if shared.run == "" {
		t.Fatal("the shared network could not be trained; see the first test that failed")
	}
	return shared.star
}
