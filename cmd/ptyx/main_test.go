package main

import (
	"context"
	"os"
	"os/signal"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ptyx/internal/format/hdf5/hdf5test"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ptyx": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(status)
	}})
}

// TestScripts runs testdata/script: each file is a session at the shell, ptyx a process of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"PTYX_ONNXRUNTIME", "PTYX_HDF5"} {
				e.Setenv(name, os.Getenv(name))
			}
			if library := hdf5test.Library(); library != "" {
				e.Setenv("PTYX_HDF5", library)
			}
			return nil
		},
	})
}
