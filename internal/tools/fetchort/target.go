package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// target is the folder that gets the library.
type target struct{ dir, version, os, arch string }

// name is the library's file name; name("") that of the link without a version.
func (t target) name(version string) string {
	if version != "" {
		version = "." + version
	}
	if t.os == "darwin" {
		return "libonnxruntime" + version + ".dylib"
	}
	return "libonnxruntime.so" + version
}

// stamp is the content of VERSION: what is there, and the checksum of the library.
func (t target) stamp(sum string) string {
	return fmt.Sprintf("%s %s/%s %s\n", t.version, t.os, t.arch, sum)
}

// current reports whether the library is there, whole, and of the pinned version.
func (t target) current() bool {
	stamp, err := os.ReadFile(filepath.Join(t.dir, "VERSION"))
	if err != nil {
		return false
	}
	// Through the link, so that a missing link counts.
	sum, err := fileSum(filepath.Join(t.dir, t.name("")))
	return err == nil && string(stamp) == t.stamp(sum)
}

// install tries the downloads in turn and puts the library of the first that succeeds in place.
func (t target) install(ctx context.Context, downloads []download) (download, error) {
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return download{}, err
	}
	// Inside the folder, so that the last step is a rename on one file system.
	work, err := os.MkdirTemp(t.dir, ".fetch-*")
	if err != nil {
		return download{}, err
	}
	defer os.RemoveAll(work)
	work, err = filepath.Abs(work) // pip and npm run elsewhere
	if err != nil {
		return download{}, err
	}
	var faults []string
	for _, d := range downloads {
		err := t.installFrom(ctx, d, work)
		if err == nil {
			return d, nil
		}
		faults = append(faults, d.source+" "+err.Error())
		if ctx.Err() != nil {
			break
		}
	}
	return download{}, fmt.Errorf("cannot obtain ONNX Runtime %s: %s; install pip or npm and let it reach its index, or set PTYX_ONNXRUNTIME to a library of your own (1.24.1 or newer)",
		t.version, strings.Join(faults, "; "))
}

func (t target) installFrom(ctx context.Context, d download, work string) error {
	file, err := d.get(ctx, work)
	if err != nil {
		return err
	}
	if err := d.verify(file); err != nil {
		return err
	}
	library := filepath.Join(work, t.name(t.version))
	if err := write(library, d, file); err != nil {
		return err
	}
	sum, err := fileSum(library)
	if err != nil {
		return err
	}
	return t.place(work, sum)
}

func write(library string, d download, file string) error {
	f, err := os.OpenFile(library, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	return errors.Join(d.extract(file, f), f.Sync(), f.Close())
}

// place moves the library, the link and VERSION into the folder, in this order: what VERSION says is always there.
func (t target) place(work, sum string) error {
	link, stamp := filepath.Join(work, t.name("")), filepath.Join(work, "VERSION")
	if err := os.Symlink(t.name(t.version), link); err != nil {
		return err
	}
	if err := os.WriteFile(stamp, []byte(t.stamp(sum)), 0o644); err != nil {
		return err
	}
	for _, name := range []string{t.name(t.version), t.name(""), "VERSION"} {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(t.dir, name)); err != nil {
			return err
		}
	}
	return nil
}
