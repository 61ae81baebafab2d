package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	wheelName   = "onnxruntime-9.8.7-cp312-cp312-manylinux_2_28_x86_64.whl"
	tarballName = "onnxruntime-node-9.8.7.tgz"
)

// fixture is a folder of packages, programs that deliver them instead of pip and npm, and the matching sums.
type fixture struct {
	t              *testing.T
	packages, path string // folders: what the programs deliver, and the programs
	sums           string
}

func newFixture(t *testing.T, programs ...string) *fixture {
	f := &fixture{t: t, packages: t.TempDir(), path: t.TempDir()}
	var wheel, tarball bytes.Buffer
	z := zip.NewWriter(&wheel)
	w, err := z.Create("onnxruntime/capi/libonnxruntime.so.9.8.7")
	f.check(err)
	_, err = w.Write([]byte("library of the wheel"))
	f.check(err)
	w, err = z.Create("onnxruntime/capi/libneeded-1a.so.2")
	f.check(err)
	_, err = w.Write([]byte("needed by the wheel's"))
	f.check(err)
	f.check(z.Close())
	g := gzip.NewWriter(&tarball)
	tw := tar.NewWriter(g)
	content := []byte("library of the tarball")
	f.check(tw.WriteHeader(&tar.Header{Name: "package/lib.so", Mode: 0o644, Size: int64(len(content))}))
	_, err = tw.Write(content)
	f.check(err)
	f.check(tw.Close())
	f.check(g.Close())
	f.write(filepath.Join(f.packages, wheelName), wheel.Bytes(), 0o644)
	f.write(filepath.Join(f.packages, tarballName), tarball.Bytes(), 0o644)
	f.sums = "version 9.8.7 # pinned\n" +
		"pip linux/amd64 manylinux_2_28_x86_64 " + digest(wheel.Bytes()) + " " + wheelName +
		" onnxruntime/capi/libonnxruntime.so.9.8.7\n" +
		"npm linux/amd64 any " + digest(tarball.Bytes()) + " " + tarballName + " package/lib.so\n"
	// The argument after --dest or --pack-destination is the folder. The programs use sh only, because PATH is ours.
	for _, p := range programs {
		file := map[string]string{"pip": wheelName, "npm": tarballName}[p]
		f.program(p, `case "$1" in --version) exit 0;; esac
while [ $# -gt 0 ]; do case "$1" in --dest|--pack-destination) dest="$2";; esac; shift; done
/bin/cp '`+filepath.Join(f.packages, file)+`' "$dest/"`)
	}
	t.Setenv("PATH", f.path)
	return f
}

func (f *fixture) program(name, script string) {
	f.write(filepath.Join(f.path, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755)
}

func (f *fixture) write(path string, data []byte, mode os.FileMode) {
	f.t.Helper()
	f.check(os.WriteFile(path, data, mode))
}

func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) run(dir string) error {
	p := products()[0]
	p.sums = f.sums
	return run(context.Background(), dir, p, "linux", "amd64")
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// listing is the names in a folder; a hidden one would be left over from an interrupted step.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestInstall(t *testing.T) {
	for _, tc := range []struct {
		name     string
		programs []string
		want     string
	}{
		{"pip first", []string{"pip", "npm"}, "library of the wheel"},
		{"npm without pip", []string{"npm"}, "library of the tarball"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, tc.programs...)
			dir := filepath.Join(t.TempDir(), "lib")
			f.check(f.run(dir))
			if got := listing(t, dir); got != "VERSION libonnxruntime.so libonnxruntime.so.9.8.7" {
				t.Errorf("the folder holds %s", got)
			}
			got, err := os.ReadFile(filepath.Join(dir, "libonnxruntime.so"))
			f.check(err)
			if string(got) != tc.want {
				t.Errorf("the library is %q, want %q", got, tc.want)
			}
			version, err := os.ReadFile(filepath.Join(dir, "VERSION"))
			f.check(err)
			if want := "9.8.7 linux/amd64 " + digest([]byte(tc.want)) + "\n"; string(version) != want {
				t.Errorf("VERSION is %q, want %q", version, want)
			}
		})
	}
}

// A current folder needs no program; a damaged one is repaired.
func TestSecondCall(t *testing.T) {
	f := newFixture(t, "pip")
	dir := t.TempDir()
	f.check(f.run(dir))
	pip := filepath.Join(f.path, "pip")
	f.check(os.Rename(pip, pip+"-away"))
	if err := f.run(dir); err != nil {
		t.Fatalf("an up-to-date folder: %v", err)
	}
	library := filepath.Join(dir, "libonnxruntime.so.9.8.7")
	f.write(library, []byte("damaged"), 0o755)
	if err := f.run(dir); err == nil {
		t.Fatal("a damaged library passed for the pinned one")
	}
	f.check(os.Rename(pip+"-away", pip))
	f.check(f.run(dir))
	if got, _ := os.ReadFile(library); string(got) != "library of the wheel" {
		t.Errorf("the damaged library was not replaced: %q", got)
	}
}

// Every failure is one line and leaves the folder as it was.
func TestFailures(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(f *fixture)
		want    []string
	}{
		{"no program", func(*fixture) {}, []string{"pip is not installed", "npm is not installed", "PTYX_ONNXRUNTIME"}},
		{"no network", func(f *fixture) {
			f.program("pip", `[ "$1" = --version ] && exit 0; echo some noise; echo ERROR: no route; exit 1`)
		}, []string{"pip cannot download " + wheelName + ": ERROR: no route", "npm is not installed"}},
		{"no network for npm", func(f *fixture) {
			f.program("npm", "echo npm error code ENOTFOUND; echo npm error A log can be found; exit 1")
		}, []string{"pip is not installed", "npm cannot download " + tarballName + ": npm error code ENOTFOUND;"}},
		{"a silent end", func(f *fixture) {
			f.program("npm", "exit 3")
		}, []string{"npm cannot download " + tarballName + ": exit status 3"}},
		{"another file", func(f *fixture) {
			f.program("pip",
				`[ "$1" = --version ] && exit 0; while [ "$1" != --dest ]; do shift; done; echo forged > "$2/`+
					wheelName+`"`)
		}, []string{"sha256", "it is not the pinned file"}},
		{"another version", func(f *fixture) {
			f.program("pip",
				`[ "$1" = --version ] && exit 0; while [ "$1" != --dest ]; do shift; done; echo x > "$2/other.whl"`)
		}, []string{"pip did not download " + wheelName}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			tc.prepare(f)
			dir := t.TempDir()
			err := f.run(dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
			if got := listing(t, dir); got != "" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

func TestUnknownPlatform(t *testing.T) {
	for _, p := range products() {
		err := run(context.Background(), t.TempDir(), p, "plan9", "mips")
		if err == nil || !strings.Contains(err.Error(), "plan9/mips") {
			t.Errorf("got %v", err)
		}
	}
}

func TestParsePin(t *testing.T) {
	for _, text := range []string{
		"", "version 1.2.3", "pip a b c d e", "version 1\nversion 2\n", "version 1\ncurl linux/amd64 any x y z",
		"version 1\npip linux/amd64 tag tooshort file member",
	} {
		if p, err := parsePin(text); err == nil {
			t.Errorf("%q was read as %+v", text, p)
		}
	}
}

// Every platform has its downloads in the embedded pins: ONNX Runtime a wheel and a tarball of one version.
func TestPinned(t *testing.T) {
	for i, want := range []string{"pip npm", "pip"} {
		product := products()[i]
		p, err := parsePin(product.sums)
		if err != nil {
			t.Fatal(err)
		}
		for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/arm64"} {
			var sources, versions []string
			for _, d := range p.downloadsFor(platform) {
				sources = append(sources, d.source)
				_, version := d.packageName()
				versions = append(versions, version)
			}
			if got := strings.Join(sources, " "); got != want {
				t.Errorf("%s, %s: sources %q, want %q", product.name, platform, got, want)
			}
			if len(slices.Compact(versions)) != 1 {
				t.Errorf("%s, %s: packages of versions %v", product.name, platform, versions)
			}
		}
	}
}

func TestPackageName(t *testing.T) {
	for file, want := range map[string]string{wheelName: "onnxruntime 9.8.7", tarballName: "onnxruntime-node 9.8.7"} {
		if name, version := (download{file: file}).packageName(); name+" "+version != want {
			t.Errorf("%s: %s %s, want %s", file, name, version, want)
		}
	}
}

// The libraries that a library needs are installed under their own names, and a missing one is noticed.
func TestNeeded(t *testing.T) {
	f := newFixture(t, "pip")
	f.sums = strings.Replace(f.sums, wheelName+" onnxruntime/capi/libonnxruntime.so.9.8.7",
		wheelName+" onnxruntime/capi/libonnxruntime.so.9.8.7 onnxruntime/capi/libneeded-1a.so.2", 1)
	dir := t.TempDir()
	f.check(f.run(dir))
	if got := listing(t, dir); got != "VERSION libneeded-1a.so.2 libonnxruntime.so libonnxruntime.so.9.8.7" {
		t.Errorf("the folder holds %s", got)
	}
	f.check(os.Remove(filepath.Join(dir, "libneeded-1a.so.2")))
	f.check(f.run(dir))
	if got, _ := os.ReadFile(filepath.Join(dir, "libneeded-1a.so.2")); string(got) != "needed by the wheel's" {
		t.Errorf("the library that was gone is %q", got)
	}
}
