package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDeployedImports holds the border that keeps a node beside the detector small: what infers links no Gorgonia, and
// cgo stays inside runtime.
func TestDeployedImports(t *testing.T) {
	deployed := []string{"runtime", "stitch", "internal/dataset", "internal/npz", "internal/render", "internal/contract", "internal/reconstruct", "internal/bundled", "internal/scanstore", "internal/serve", "internal/cluster", "internal/watch"}
	for _, p := range deployed {
		for _, dependency := range list(t, "-deps", "-f", "{{.ImportPath}}", "ptyx/"+p) {
			if strings.HasPrefix(dependency, "gorgonia.org/") {
				t.Errorf("%s links %s", p, dependency)
			}
		}
	}
	cgo := list(t, "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "ptyx/...")
	if !slices.Equal(cgo, []string{"ptyx/runtime"}) {
		t.Errorf("cgo is used by %v, want it in ptyx/runtime alone", cgo)
	}
}

// TestImportsPointDown holds the order of the layers: none imports one that stands above it.
func TestImportsPointDown(t *testing.T) {
	layers := []string{"internal/ops", "internal/graph", "internal/forward", "models", "export", "internal/engine", "trainer", "internal/workflow", "cmd/ptyx"}
	for i, p := range layers {
		dependencies := list(t, "-deps", "-f", "{{.ImportPath}}", "ptyx/"+p)
		for _, above := range layers[i+1:] {
			if slices.Contains(dependencies, "ptyx/"+above) {
				t.Errorf("%s imports %s, which stands above it", p, above)
			}
		}
	}
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Fields(string(out))
}
