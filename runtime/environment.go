package runtime

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"ptyx/internal/base/library"

	ort "github.com/yalue/onnxruntime_go"
)

// process is ONNX Runtime's own state, of which a process has one. It lives while an Environment or a Session holds it.
// It is the only global variable of this package, because it stands for a global state. So do the names of profiles:
// environments that do not know of each other may be given the same file.
var process struct {
	sync.Mutex
	path    string // of the library in use
	holders map[any]struct{}
	arena   bool // the shared arena exists

	profiles map[string]int // number of sessions with a profile of this name, also closed ones
}

// Environment is ONNX Runtime, opened. Several goroutines may use it.
type Environment struct {
	library   Library
	providers []string
	loads     func(name string) bool // whether the system's loader finds a library
	cuda      func() error           // why the small model does not run on CUDA; it is tried once

	mu     sync.Mutex
	closed bool
}

// Open opens a library that Find returned. A process can have one ONNX Runtime open: a second Open of the same library
// shares it, and an Open of another library is an error. ONNX Runtime writes no log and sends no telemetry.
func Open(lib Library) (*Environment, error) {
	found, err := inspect(lib.Path)
	if err != nil {
		at := library.Place{Source: lib.Source, Path: lib.Path}
		return nil, newFinder("").search().Refuse(at, "a library that cannot be used", err)
	}
	lib.Version = found.version
	e := &Environment{library: lib, providers: found.providers, loads: loads}
	e.cuda = sync.OnceValue(e.tryCUDA)

	process.Lock()
	defer process.Unlock()
	if len(process.holders) > 0 {
		if !sameFile(process.path, lib.Path) {
			return nil, fmt.Errorf("opening ONNX Runtime %s: %s is open, and a process can have one", lib.Path,
				process.path)
		}
	} else if err := initialise(lib.Path); err != nil {
		return nil, fmt.Errorf("opening ONNX Runtime %s: %w", lib.Path, err)
	}
	process.holders[e] = struct{}{}
	return e, nil
}

// initialise is called with process locked and without holders.
func initialise(path string) error {
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return err
	}
	if err := ort.DisableTelemetry(); err != nil {
		return errors.Join(err, ort.DestroyEnvironment())
	}
	process.path, process.holders, process.arena = path, map[any]struct{}{}, false
	return nil
}

// shareArena makes a session keep its buffers in the process's arena, which the first such session creates.
func shareArena(options *ort.SessionOptions) error {
	process.Lock()
	defer process.Unlock()
	if !process.arena {
		info, err := ort.GetMemoryInfo()
		if err != nil {
			return err
		}
		// A free chunk is split if more than this would remain of it; the library's default is 128 MB.
		const maxUnused = 1 << 20
		config, err := ort.NewArenaCfg(0, -1, -1, maxUnused)
		if err != nil {
			return err
		}
		defer config.Destroy()
		if err := ort.CreateAndRegisterAllocator(info, config); err != nil {
			return err
		}
		process.arena = true
	}
	return options.AddSessionConfigEntry("session.use_env_allocators", "1")
}

// release removes a holder; the last one ends ONNX Runtime.
func release(holder any) error {
	process.Lock()
	defer process.Unlock()
	delete(process.holders, holder)
	if len(process.holders) > 0 {
		return nil
	}
	return ort.DestroyEnvironment()
}

// hold adds a holder while another one exists.
func hold(holder any) {
	process.Lock()
	defer process.Unlock()
	process.holders[holder] = struct{}{}
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// Providers are the execution providers compiled into the library, in its order of preference. The device of a listed
// provider may still be missing: see CUDAMissing.
func (e *Environment) Providers() []string { return slices.Clone(e.providers) }

// Close releases the environment. Its sessions stay usable until they are closed. A second Close does nothing.
func (e *Environment) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	if err := release(e); err != nil {
		return fmt.Errorf("closing ONNX Runtime: %w", err)
	}
	return nil
}
