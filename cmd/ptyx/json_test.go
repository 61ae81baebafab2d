package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/app/workflow"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/quality/validate"
	"ptyx/internal/scan/convert"
	"ptyx/internal/scan/simulate"
	"ptyx/internal/scan/survey"
)

// printed maps the sections of docs/json.md to the results that --json prints.
func printed() map[string]any {
	return map[string]any{
		"ptyx train":                         workflow.TrainResult{},
		"ptyx train --dry-run":               workflow.Rehearsal{},
		"ptyx infer":                         workflow.Reconstruction{},
		"ptyx solve":                         workflow.Reconstruction{},
		"ptyx refine":                        workflow.Reconstruction{},
		"ptyx serve":                         workflow.ServerInfo{},
		"ptyx worker":                        workflow.WorkerInfo{},
		"ptyx broker":                        workflow.BrokerInfo{},
		"ptyx watch":                         workflow.Watched{},
		"ptyx probe":                         workflow.MadeProbe{},
		"ptyx simulate":                      simulate.Result{},
		"ptyx pretrain":                      workflow.PretrainResult{},
		"ptyx eval":                          metrics.Report{},
		"ptyx eval --convention pinn-compat": metrics.CompatReport{},
		"ptyx report":                        workflow.ReportResult{},
		"ptyx validate":                      validate.Report{},
		"ptyx convert":                       convert.Result{},
		"ptyx export":                        workflow.ExportResult{},
		"ptyx inspect":                       contract.Description{},
		"ptyx inspect of a scan":             survey.Survey{},
		"ptyx doctor":                        workflow.Diagnosis{},
		"ptyx version":                       release{},
		"A command that fails":               failure{},
	}
}

var (
	section  = regexp.MustCompile("(?m)^## (.*)$")
	keyCell  = regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|")
	snakeKey = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// TestJSONIsDescribed compares docs/json.md with the printed types: every command with --json has a section, and every
// key of its result a row there.
func TestJSONIsDescribed(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string][]string{}
	for i, m := range section.FindAllSubmatchIndex(text, -1) {
		body, _, _ := strings.Cut(string(text[m[1]:]), "\n## ")
		var keys []string
		for _, k := range keyCell.FindAllStringSubmatch(body, -1) {
			keys = append(keys, strings.Split(strings.ReplaceAll(k[1], "`", ""), ", ")...)
		}
		title := strings.ReplaceAll(string(text[m[2]:m[3]]), "`", "")
		for name := range strings.SplitSeq(title, ", ") {
			described[name] = keys
		}
		if len(keys) == 0 {
			t.Errorf("section %d has no keys", i)
		}
	}
	for name, result := range printed() {
		keys := keysOf(t, reflect.TypeOf(result), "")
		if slices.Sort(keys); !slices.Equal(keys, sorted(described[name])) {
			has := strings.Join(sorted(described[name]), "\n")
			t.Errorf("%s prints\n%s\nand docs/json.md has\n%s", name, strings.Join(keys, "\n"), has)
		}
	}
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		for _, f := range command.Flags {
			if _, there := printed()[command.FullPath()]; f.Name == "json" && !there {
				t.Errorf("%s --json prints something that docs/json.md does not have", command.FullPath())
			}
		}
	}
}

func sorted(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return keys
}

// keysOf are the paths of a type's keys: a.b of an object in an object, a[].b of objects in a list.
func keysOf(t *testing.T, of reflect.Type, path string) (keys []string) {
	t.Helper()
	switch of.Kind() {
	case reflect.Pointer:
		return keysOf(t, of.Elem(), path)
	case reflect.Slice, reflect.Array:
		if below := keysOf(t, of.Elem(), path+"[]"); len(below) > 1 {
			return append([]string{path}, below[1:]...)
		}
		return []string{path}
	case reflect.Struct:
	default:
		return []string{path}
	}
	if path != "" {
		keys = append(keys, path)
		path += "."
	}
	for i := range of.NumField() {
		f := of.Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" { // its keys belong to the outer object
			keys = append(keys, keysOf(t, f.Type, "")...)
			continue
		}
		if !snakeKey.MatchString(name) {
			t.Errorf("%s.%s has the key %q, which is not in lower case with underscores", of, f.Name, name)
		}
		keys = append(keys, keysOf(t, f.Type, path+name)...)
	}
	return keys
}

// TestOneObjectOrSilence runs every command that has --json, quietly. With --json, standard output is one object of the
// described type. Without it, a command that ends with a sentence prints nothing.
func TestOneObjectOrSilence(t *testing.T) {
	t.Parallel()
	dir, cpu := t.TempDir(), " --device=cpu"
	small := cpu + " --output-dir @run --n-filters-scale=1 --max-epochs=1 --batch-size=4 --probe-passes=0 --gridsize=1"
	infer := "infer --model-path @run --test-data @scan.npz --output-dir @out"
	compare := "eval --recon @out/reconstruction.npz --reference @scan.npz"
	for _, c := range []struct {
		name     string
		args     string // @ is the directory
		sentence bool   // the command prints only a sentence
	}{
		{"ptyx simulate", "simulate --out @scan.npz --positions 16 --step 6 --seed 2", true},
		{"ptyx probe", "probe --optic pinhole --aperture-um 1 --n 64 --energy-ev 8000 --pixel-size-nm 30 --out @p.npz",
			true},
		{"ptyx validate", "validate @scan.npz", false},
		{"ptyx train --dry-run", "train --train-data-file @scan.npz --dry-run" + small, false},
		{"ptyx train", "train --train-data-file @scan.npz" + small, true},
		{"ptyx infer", infer + cpu, true},
		{"ptyx infer", infer + " --refine 1" + cpu, true},
		{"ptyx watch", "watch @parts --model-path @run --interval 10ms --frames 16 --output-dir @watched" + cpu, true},
		{"ptyx solve", "solve --data @scan.npz --output-dir @solved --iterations 1" + cpu, true},
		{"ptyx refine", "refine --data @scan.npz --recon @out --output-dir @refined --iterations 1" + cpu, true},
		{"ptyx eval", compare, false},
		{"ptyx eval --convention pinn-compat", compare + " --convention pinn-compat", false},
		{"ptyx report", "report @run" + cpu, true},
		{"ptyx convert", "convert @scan.npz @copy.npz", true},
		{"ptyx export", "export @run @small.onnx --fp16" + cpu, true},
		{"ptyx inspect", "inspect @run", false},
		{"ptyx inspect of a scan", "inspect @scan.npz", false},
		{"ptyx doctor", "doctor", false},
		{"ptyx version", "version", false},
	} {
		args := append(strings.Fields(strings.ReplaceAll(c.args, "@", dir+"/")), "--quiet")
		if c.name == "ptyx watch" {
			inParts(t, filepath.Join(dir, "scan.npz"), filepath.Join(dir, "parts"))
		}
		if stdout := quietly(t, args); c.sentence != (stdout == "") {
			t.Errorf("ptyx %s prints %q", strings.Join(args, " "), stdout)
		}
		stdout := quietly(t, append(args, "--json"))
		d := json.NewDecoder(strings.NewReader(stdout))
		d.DisallowUnknownFields()
		if err := d.Decode(reflect.New(reflect.TypeOf(printed()[c.name])).Interface()); err != nil {
			t.Errorf("%s --json: %v in %s", c.args, err, stdout)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Errorf("%s --json prints more than an object: %s", c.args, stdout)
		}
	}
}

// TestFailuresPrintOneObject: the parts of a fault in the input, or the message alone. A result that was printed before
// the failure stays the only object, and without --json nothing is printed.
func TestFailuresPrintOneObject(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.npz")
	failed := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), args, &stdout, &stderr); status != exitFailure || stderr.Len() == 0 {
			t.Errorf("%v: exit status %d, says %q", args, status, stderr.String())
		}
		return stdout.String()
	}
	for _, c := range []struct {
		args []string
		want fault
	}{
		{[]string{"solve", "--data=" + missing, "--json"}, fault{
			Message: missing + ": found no such file, expected an NPZ, CXI or HDF5 file",
			File:    missing, Found: "no such file", Expected: "an NPZ, CXI or HDF5 file",
		}},
		{[]string{"solve", "--json"}, fault{Message: "missing flags: --data=FILE; see ptyx solve --help"}},
		{[]string{"solve", "--colour=1", "--json"}, fault{
			Message: "unknown flag --colour; see ptyx solve --help", Key: "--colour", Found: "unknown flag",
		}},
		{[]string{"solve", "--modes=two", "--json"}, fault{
			Message: `--modes: expected a whole number but got "two"`,
			Key:     "--modes", Found: "two", Expected: "a whole number",
		}},
		{[]string{"solve", "--input=blue", "--json"}, fault{
			Message: `--input: found "blue", expected auto, amplitude or intensity`,
			Key:     "--input", Found: "blue", Expected: "auto, amplitude or intensity",
		}},
		{[]string{"solve", "--crop=x", "--json"}, fault{
			Message: `--crop: "x" is neither auto, nor a size such as 128, nor size@row,column such as 128@300,412`,
			Key:     "--crop",
			Found:   `"x" is neither auto, nor a size such as 128, nor size@row,column such as 128@300,412`,
		}},
	} {
		var got failure
		stdout := failed(c.args...)
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Error != c.want {
			t.Errorf("%v prints %s (%v), want %+v", c.args, stdout, err, c.want)
		}
	}
	if stdout := failed("solve", "--data="+missing); stdout != "" {
		t.Errorf("without --json, a failure prints %q", stdout)
	}
	var report validate.Report
	stdout := failed("validate", missing, "--json")
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Errors() == 0 {
		t.Errorf("validate prints %s (%v)", stdout, err)
	}
}

// TestServePrintsItsAddress as JSON, or nothing.
func TestServePrintsItsAddress(t *testing.T) {
	t.Parallel()
	model := "--model=net=" + trainedStar(t).run
	for _, flag := range []string{"--json", "--quiet"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			var stdout, stderr bytes.Buffer
			args := []string{"serve", model, "--listen=127.0.0.1:0", "--device=cpu", flag}
			if status := run(ctx, args, &stdout, &stderr); status != exitOK {
				t.Fatalf("exit status %d, stderr %s", status, stderr.String())
			}
			if flag == "--quiet" {
				if stdout.Len()+stderr.Len() > 0 {
					t.Errorf("prints %q and %q", stdout.String(), stderr.String())
				}
				return
			}
			var s workflow.ServerInfo
			err := json.Unmarshal(stdout.Bytes(), &s)
			if err != nil || !strings.Contains(s.URL, "://127.0.0.1:") || !slices.Equal(s.Models, []string{"net"}) ||
				s.Device == "" {
				t.Errorf("prints %s (%v)", stdout.String(), err)
			}
		})
	}
}

// inParts makes a directory of part files of a scan.
func inParts(t *testing.T, scan, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, body := range frames(t, scan, 5) {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.npz", i)), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// quietly runs a command that must succeed and write nothing to standard error, and returns its standard output.
func quietly(t *testing.T, args []string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), args, &stdout, &stderr)
	// infer warns of the objects of trainings as short as these.
	said := regexp.MustCompile(`(?m)^level=WARN msg="the object does not explain its patterns.*\n`).
		ReplaceAllString(stderr.String(), "")
	if status != exitOK || said != "" {
		t.Errorf("ptyx %s: exit status %d, says %q", strings.Join(args, " "), status, said)
	}
	return stdout.String()
}

// TestInterruptedTrainingPrintsJSON about what it saved.
func TestInterruptedTrainingPrintsJSON(t *testing.T) {
	t.Parallel()
	scan, dir := trainedStar(t).small, filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stdout bytes.Buffer
	args := []string{"train", "--train-data-file=" + scan, "--output-dir=" + dir, "--device=cpu", "--n-filters-scale=1",
		"--max-epochs=9", "--gridsize=1", "--probe-passes=0", "--json"}
	stderr := canceller{cancel: cancel}
	if status := run(ctx, args, &stdout, &stderr); status != exitInterrupted {
		t.Errorf("exit status %d, says %q", status, stderr.String())
	}
	var reached workflow.TrainResult
	if err := json.Unmarshal(stdout.Bytes(), &reached); err != nil || !reached.Interrupted || reached.Epochs != 1 ||
		reached.TrainLoss == nil {
		t.Errorf("prints %s (%v)", stdout.String(), err)
	}
	if _, err := os.Stat(filepath.FromSlash(reached.Model)); err != nil {
		t.Error(err)
	}
}

// TestInterruptedSolversSaveAndPrintJSON about the state that they reached, and the files can be read.
func TestInterruptedSolversSaveAndPrintJSON(t *testing.T) {
	t.Parallel()
	scan, dir := trainedStar(t).small, t.TempDir()
	solve := []string{"solve", "--data=" + scan}
	refine := []string{"refine", "--data=" + scan, "--recon=" + filepath.Join(dir, "solve"), "--iterations=60"}
	for _, command := range [][]string{solve, refine} {
		ctx, cancel := context.WithCancel(context.Background())
		out := filepath.Join(dir, command[0])
		args := append(command, "--output-dir="+out, "--device=cpu", "--json")
		var stdout bytes.Buffer
		stderr := canceller{cancel: cancel}
		if status := run(ctx, args, &stdout, &stderr); status != exitInterrupted {
			t.Errorf("%s: exit status %d, says %q", command[0], status, stderr.String())
		}
		cancel()
		var reached workflow.Reconstruction
		if err := json.Unmarshal(stdout.Bytes(), &reached); err != nil || reached.Solver == nil ||
			reached.Solver.Passes != 1 || reached.OutputDir != out {
			t.Errorf("%s prints %s (%v)", command[0], stdout.String(), err)
		}
		if !strings.Contains(stderr.String(), "interrupted, saved ") {
			t.Errorf("%s says %q", command[0], stderr.String())
		}
		if saved, err := evaluate.Load(filepath.Join(out, "reconstruction.npz")); err != nil || saved.Object == nil {
			t.Errorf("%s: %v", command[0], err)
		}
	}
}

// canceller keeps what is written and cancels at the first epoch or pass.
type canceller struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (c *canceller) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("epoch 1/")) || bytes.HasPrefix(p, []byte("pass 1/")) {
		c.cancel()
	}
	return c.Buffer.Write(p)
}
