package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnits checks the systemd services in scripts/deploy: ptyx understands the commands that they start, they have the
// limits that docs/deploy.md promises, and systemd's own check accepts them, if it is installed.
func TestUnits(t *testing.T) {
	paths, err := filepath.Glob(root + "/scripts/deploy/*.service")
	if err != nil || len(paths) != 2 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), " \\\n", " ") // systemd joins such lines
		for _, line := range []string{
			"DynamicUser=yes", "ProtectSystem=strict", "PrivateTmp=yes", "NoNewPrivileges=yes",
			"CapabilityBoundingSet=", "KillSignal=SIGTERM",
		} {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("%s lacks %s", path, line)
			}
		}
		_, command, _ := strings.Cut(text, "\nExecStart=/usr/local/bin/ptyx ")
		command, _, _ = strings.Cut(command, "\n")
		parser, err := newParser(&cli{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(command)); err != nil {
			t.Errorf("%s: ptyx %s: %v", path, command, err)
		}
		verify(t, path, text)
	}
}

// verify runs systemd's check on a unit, with a program that is there in the place of ptyx.
func verify(t *testing.T, path, text string) {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Logf("%s: systemd-analyze is not on this machine", path)
		return
	}
	there, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), strings.Replace(filepath.Base(path), "@", "@monday", 1))
	if err := os.WriteFile(unit, []byte(strings.Replace(text, "/usr/local/bin/ptyx", there, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s: %v: %s", path, err, out)
	}
}
