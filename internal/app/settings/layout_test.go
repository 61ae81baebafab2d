package settings_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/settings"
)

// TestLayoutFileFillsFlags: of those that the command has; one on the command line wins, and files are found from the
// folder of the layout.
func TestLayoutFileFillsFlags(t *testing.T) {
	var c struct {
		Read struct {
			LayoutFile settings.LayoutFile
			Patterns   string
			Mask       string
			ProbeFile  []string `sep:"none"`
			EnergyEV   float64  `name:"energy-ev"`
		} `cmd:""`
	}
	parser, err := kong.New(&c, kong.Name("house"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "scan.yaml")
	text := "patterns: entry/data\nmask: gaps.h5:m\nprobe_file: beam, wide.npz\nenergy_ev: 8000\nflip_x: true\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	line, err := parser.Parse([]string{"read", "--layout-file", path, "--energy-ev", "9000"})
	if err != nil {
		t.Fatal(err)
	}
	r := c.Read
	if r.Patterns != "entry/data" || r.Mask != filepath.Join(dir, "gaps.h5:m") || r.EnergyEV != 9000 ||
		len(r.ProbeFile) != 1 || r.ProbeFile[0] != filepath.Join(dir, "beam, wide.npz") {
		t.Errorf("%+v", r)
	}
	written, err := settings.Of(line)
	want := "patterns: entry/data\nmask: " + r.Mask + "\nprobe_file:\n    - " + r.ProbeFile[0] + "\nenergy_ev: 9000\n"
	if err != nil || string(written) != want {
		t.Errorf("the run's settings are %q, %v, want %q", written, err, want)
	}
}
