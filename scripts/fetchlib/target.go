package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// target is the folder for a library.
type target struct {
	product
	dir, version, os, arch string
}

// file is the library's file name; file("") is the link without a version.
func (t target) file(version string) string {
	if version != "" {
		version = "." + version
	}
	if t.os == "darwin" {
		return t.library + version + ".dylib"
	}
	return t.library + ".so" + version
}

// stampText is the content of the stamp: version, platform and checksum of the library, then checksum and name of each
// library that it needs.
func (t target) stampText(dir string, needed []string) (string, error) {
	// The checksum goes through the link, so that a missing link counts.
	sum, err := fileSum(filepath.Join(dir, t.file("")))
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s %s/%s %s\n", t.version, t.os, t.arch, sum)
	for _, name := range needed {
		sum, err := fileSum(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		text += sum + " " + name + "\n"
	}
	return text, nil
}

// current reports whether the pinned version is installed, intact, with all libraries that it needs.
func (t target) current() bool {
	stamp, err := os.ReadFile(filepath.Join(t.dir, t.stamp))
	if err != nil {
		return false
	}
	var needed []string
	for line := range strings.Lines(string(stamp)) {
		if field := strings.Fields(line); len(field) == 2 {
			needed = append(needed, filepath.Base(field[1]))
		}
	}
	want, err := t.stampText(t.dir, needed)
	return err == nil && want == string(stamp)
}

// install tries the downloads in order and installs the library of the first that succeeds.
func (t target) install(ctx context.Context, downloads []download) (download, error) {
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return download{}, err
	}
	// In the folder, so that the last step is a rename on one file system.
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
	return download{},
		fmt.Errorf("cannot obtain %s %s: %s; install %s and let it reach its index, or set %s to a library of your "+
			"own (%s or newer)",
			t.name, t.version, strings.Join(faults, "; "), sources(downloads), t.variable, t.oldest)
}

// sources are the programs of the downloads: "pip or npm".
func sources(downloads []download) string {
	var names []string
	for _, d := range downloads {
		names = append(names, d.source)
	}
	return strings.Join(names, " or ")
}

func (t target) installFrom(ctx context.Context, d download, work string) error {
	file, err := d.get(ctx, work)
	if err != nil {
		return err
	}
	if err := d.verify(file); err != nil {
		return err
	}
	names := []string{t.file(t.version)}
	for _, member := range d.needed {
		names = append(names, path.Base(member))
	}
	for i, member := range append([]string{d.member}, d.needed...) {
		if err := write(filepath.Join(work, names[i]), d, member, file); err != nil {
			return err
		}
	}
	return t.place(work, names)
}

func write(library string, d download, member, file string) error {
	f, err := os.OpenFile(library, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	return errors.Join(d.extract(file, member, f), f.Sync(), f.Close())
}

// place moves the libraries, of which names lists the product first, the link and the stamp into the folder, in this
// order: the stamp never lists a missing file.
func (t target) place(work string, names []string) error {
	if err := os.Symlink(t.file(t.version), filepath.Join(work, t.file(""))); err != nil {
		return err
	}
	text, err := t.stampText(work, names[1:])
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, t.stamp), []byte(text), 0o644); err != nil {
		return err
	}
	for _, name := range append(names, t.file(""), t.stamp) {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(t.dir, name)); err != nil {
			return err
		}
	}
	return nil
}
