// Command fetchort puts the pinned ONNX Runtime library into a folder: `make lib`. It lets pip or npm download the
// package that carries the library, with whatever index, proxy and cache they are set up for, and checks the file
// against onnxruntime.sums before anything is taken out of it. If the library is there already, it does nothing.
//
// The nouns: a pin is the version with its downloads; a download is one row of onnxruntime.sums; the folder holds the
// library under its versioned name, a link without the version, and VERSION, written last, which says what is there.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	goruntime "runtime"
)

//go:embed onnxruntime.sums
var sums string

func main() {
	dir := flag.String("dir", "lib", "folder for the library")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *dir, sums, goruntime.GOOS, goruntime.GOARCH)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetchort:", err)
		os.Exit(1)
	}
}

// run brings the folder up to date and prints one line if it had to.
func run(ctx context.Context, dir, sums, goos, goarch string) error {
	p, err := parsePin(sums)
	if err != nil {
		return fmt.Errorf("onnxruntime.sums: %w", err)
	}
	t := target{dir: dir, version: p.version, os: goos, arch: goarch}
	if t.current() {
		return nil
	}
	downloads := p.downloadsFor(goos + "/" + goarch)
	if len(downloads) == 0 {
		return fmt.Errorf("no ONNX Runtime %s is pinned for %s/%s; install version 1.24.1 or newer yourself and set PTYX_ONNXRUNTIME to its path", p.version, goos, goarch)
	}
	d, err := t.install(ctx, downloads)
	if err != nil {
		return err
	}
	fmt.Printf("ONNX Runtime %s for %s/%s is in %s (by %s, checksum verified)\n", p.version, goos, goarch, dir, d.source)
	return nil
}
