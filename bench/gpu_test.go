package bench

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/testutil"
	ort "ptyx/runtime"
)

// gpuRun is an outcome of scripts/gpu.sh.
type gpuRun struct {
	status         int
	stdout, stderr string
	record         struct {
		Rehearsal bool                      `json:"rehearsal"`
		Parts     map[string]map[string]any `json:"parts"`
	}
}

// runGPU runs scripts/gpu.sh in a folder of its own, with an nvidia-smi that runs the given script. Without a record
// that of the result is empty.
func runGPU(t *testing.T, nvidiaSMI string, environment ...string) gpuRun {
	t.Helper()
	work := t.TempDir()
	for _, folder := range []string{"bench", "scripts"} {
		target, err := filepath.Abs(filepath.Join("..", folder))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(work, folder)); err != nil {
			t.Fatal(err)
		}
	}
	tools := filepath.Join(work, "tools")
	if err := os.Mkdir(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	smi := "#!/bin/sh\n" + nvidiaSMI + "\n"
	if err := os.WriteFile(filepath.Join(tools, "nvidia-smi"), []byte(smi), 0o755); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	command := exec.Command("sh", "scripts/gpu.sh", "result")
	command.Dir, command.Stdout, command.Stderr = work, &stdout, &stderr
	// pip has no index, so that nothing is downloaded.
	command.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "BENCH_QUICK=1", "PIP_NO_INDEX=1")
	command.Env = append(command.Env, environment...)
	err := command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	out := gpuRun{status: command.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	text, err := os.ReadFile(filepath.Join(work, "result", "gpu.json"))
	if errors.Is(err, os.ErrNotExist) {
		return out
	}
	if err == nil {
		err = json.Unmarshal(text, &out.record)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gpuParts are the parts that scripts/gpu.sh must report.
func gpuParts() []string {
	return []string{
		"PyTorch", "copies", "device memory", "doctor", "inference", "solve", "training", "training step",
	}
}

// program builds ptyx and names the library, as for a machine without Go.
func program(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ptyx")
	if out, err := exec.Command("go", "build", "-o", path, "ptyx/cmd/ptyx").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	library, err := ort.Find("")
	if err != nil {
		t.Fatal(err)
	}
	return []string{"PTYX=" + path, "PTYX_ONNXRUNTIME=" + library.Path}
}

// Without a GPU, scripts/gpu.sh says so in one sentence, and writes nothing.
func TestGPUScriptNeedsAGPU(t *testing.T) {
	t.Parallel()
	r := runGPU(t, "exit 9")
	if r.status != 1 || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 ||
		!strings.Contains(r.stderr, "no NVIDIA GPU was found") {
		t.Errorf("status %d, stdout %q, stderr %q", r.status, r.stdout, r.stderr)
	}
	if r.record.Parts != nil {
		t.Errorf("it wrote %v", r.record.Parts)
	}
}

// A rehearsal on the CPU measures every part of ptyx, and says that it is a rehearsal.
func TestGPUScriptRehearsal(t *testing.T) {
	testutil.Slow(t)
	r := runGPU(t, "exit 9", append(program(t), "PTYX_GPU_REHEARSAL=1")...)
	if r.status != 0 || !r.record.Rehearsal || !strings.HasPrefix(r.stdout, "REHEARSAL: ") {
		t.Errorf("status %d, stdout %s, stderr %s", r.status, r.stdout, r.stderr)
	}
	if got := slices.Sorted(maps.Keys(r.record.Parts)); !slices.Equal(got, gpuParts()) {
		t.Fatalf("parts %v", got)
	}
	for name, part := range r.record.Parts {
		reason, without := part["not_run"]
		if want := name == "device memory"; without != want && name != "PyTorch" { // which may be installed
			t.Errorf("%s: not run: %v", name, reason)
		}
	}
	for _, name := range []string{"training", "inference", "solve"} {
		if agrees, _ := r.record.Parts[name]["agrees"].(bool); !agrees {
			t.Errorf("%s: %v", name, r.record.Parts[name])
		}
	}
}

// If CUDA does not work, the parts on the CPU run, each other one says why it did not, and the script fails.
func TestGPUScriptSaysWhatDidNotRun(t *testing.T) {
	testutil.Slow(t)
	r := runGPU(t, `echo "GPU 0"`, program(t)...)
	if r.status != 1 || r.record.Rehearsal {
		t.Errorf("status %d, stdout %s, stderr %s", r.status, r.stdout, r.stderr)
	}
	if got := slices.Sorted(maps.Keys(r.record.Parts)); !slices.Equal(got, gpuParts()) {
		t.Fatalf("parts %v", got)
	}
	for _, name := range []string{"doctor", "copies", "device memory"} {
		if reason, _ := r.record.Parts[name]["not_run"].(string); reason == "" {
			t.Errorf("%s ran without CUDA: %v", name, r.record.Parts[name])
		}
	}
	for _, name := range []string{"training", "inference", "solve"} {
		cpu, _ := r.record.Parts[name]["cpu"].(map[string]any)
		cuda, _ := r.record.Parts[name]["cuda"].(map[string]any)
		reason, _ := cuda["not_run"].(string)
		if seconds, _ := cpu["seconds"].(float64); seconds <= 0 || !strings.Contains(reason, "CUDA") {
			t.Errorf("%s: cpu %v, cuda %v", name, cpu, cuda)
		}
	}
	if count := strings.Count(r.stdout, "not run: "); count < 7 {
		t.Errorf("%d parts say why they did not run: %s", count, r.stdout)
	}
}

// scripts/gpu.sh takes the release of ONNX Runtime that make lib pins.
func TestGPULibraryIsThePinnedRelease(t *testing.T) {
	t.Parallel()
	version := func(path, before string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "\n"+before)
		fields := strings.Fields(after)
		if len(fields) == 0 {
			t.Fatalf("%s names no version", path)
		}
		return fields[0]
	}
	want := version("../scripts/fetchlib/onnxruntime.sums", "version ")
	if got := version("../scripts/gpu-library.txt", "onnxruntime-gpu=="); got != want {
		t.Errorf("onnxruntime-gpu %s, want %s", got, want)
	}
}
