// Command fetchlib puts the pinned libraries that ptyx loads at run time, ONNX Runtime and HDF5, into a folder: `make
// lib`. pip or npm downloads the packages that contain them, with the user's index, proxy and cache. fetchlib checks
// each file against onnxruntime.sums or hdf5.sums before it extracts anything. It leaves a current library alone.
//
// The nouns: a product is a library; a pin is its version with its downloads; a download is one row of a .sums file.
// The folder holds the library under its versioned name, a link without the version, the libraries that it needs, and
// VERSION (of HDF5, VERSION-HDF5), written last, which lists them.
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

// product is a library that ptyx loads.
type product struct {
	name     string // in messages
	library  string // file name before ".so" or ".dylib"
	stamp    string // the file that lists the installed version
	oldest   string // version that ptyx accepts
	variable string // environment variable with the path of the user's own library
	sums     string // the pin
}

var (
	//go:embed onnxruntime.sums
	onnxruntimeSums string
	//go:embed hdf5.sums
	hdf5Sums string
)

func products() []product {
	return []product{
		{"ONNX Runtime", "libonnxruntime", "VERSION", "1.24.1", "PTYX_ONNXRUNTIME", onnxruntimeSums},
		{"HDF5", "libhdf5", "VERSION-HDF5", "1.10.0", "PTYX_HDF5", hdf5Sums},
	}
}

func main() {
	dir := flag.String("dir", "lib", "folder for the libraries")
	goos := flag.String("os", goruntime.GOOS, "target system, a GOOS")
	arch := flag.String("arch", goruntime.GOARCH, "target processor, a GOARCH")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, p := range products() {
		if err := run(ctx, *dir, p, *goos, *arch); err != nil {
			fmt.Fprintln(os.Stderr, "fetchlib:", err)
			os.Exit(1)
		}
	}
}

// run updates a product in the folder. It prints one line if it installed something.
func run(ctx context.Context, dir string, product product, goos, goarch string) error {
	p, err := parsePin(product.sums)
	if err != nil {
		return fmt.Errorf("the pin of %s: %w", product.name, err)
	}
	t := target{product: product, dir: dir, version: p.version, os: goos, arch: goarch}
	if t.current() {
		return nil
	}
	downloads := p.downloadsFor(goos + "/" + goarch)
	if len(downloads) == 0 {
		return fmt.Errorf("no %s %s is pinned for %s/%s; install version %s or newer yourself and set %s to its path",
			product.name, p.version, goos, goarch, product.oldest, product.variable)
	}
	d, err := t.install(ctx, downloads)
	if err != nil {
		return err
	}
	fmt.Printf("%s %s for %s/%s is in %s (by %s, checksum verified)\n", product.name, p.version, goos, goarch, dir,
		d.source)
	return nil
}
