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
	t.Parallel()
	deployed := []string{
		"runtime", "stitch", "internal/scan/dataset", "internal/format/npz", "internal/format/render",
		"internal/graph/contract", "internal/recon/predict", "internal/recon/reconstruct", "internal/base/bundled",
		"internal/service/scanstore", "internal/service/serve", "internal/service/cluster", "internal/service/watch",
	}
	for _, p := range deployed {
		for _, dependency := range strings.Fields(list(t, "-deps", "-f", "{{.ImportPath}}", "ptyx/"+p)) {
			if strings.HasPrefix(dependency, "gorgonia.org/") {
				t.Errorf("%s links %s", p, dependency)
			}
		}
	}
	cgo := strings.Fields(list(t, "-f", "{{if .CgoFiles}}{{.ImportPath}}{{end}}", "ptyx/..."))
	if !slices.Equal(cgo, []string{"ptyx/runtime"}) {
		t.Errorf("cgo is used by %v, want it in ptyx/runtime alone", cgo)
	}
}

// order is the folders from the bottom up: a package imports its own folder and those before it.
var order = []string{
	"internal/base", "internal/physics", "internal/format", "stitch", "internal/scan", "internal/graph", "models",
	"runtime", "export",
	"internal/recon", "trainer", "internal/quality", "internal/service", "internal/app", "cmd/ptyx",
}

// TestImportsPointDown holds the order of the folders, and that each package of the program is in one of them.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	place := func(path string) int {
		return slices.IndexFunc(order, func(folder string) bool {
			return path == "ptyx/"+folder || strings.HasPrefix(path, "ptyx/"+folder+"/")
		})
	}
	for _, line := range strings.Split(list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "ptyx/..."), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "ptyx/bench") ||
			strings.HasPrefix(fields[0], "ptyx/scripts") {
			continue // tools around the program may import all of it
		}
		own := place(fields[0])
		if own < 0 {
			t.Errorf("%s is in none of the folders %v", fields[0], order)
		}
		for _, imported := range fields[1:] {
			if strings.HasPrefix(imported, "ptyx/") && place(imported) > own {
				t.Errorf("%s imports %s, which stands above it", fields[0], imported)
			}
		}
	}
}

func list(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return string(out)
}
