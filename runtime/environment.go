package runtime

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// process is ONNX Runtime's own state, of which there is one per process. It lives as long as somebody holds it: an
// Environment or a Session that has not been closed. It is the one global of this package, because what it stands for is.
var process struct {
	sync.Mutex
	path    string // of the library in use
	holders map[any]struct{}
	arena   bool // the arena that sessions share is there
}

// Environment is ONNX Runtime, opened. It may be used from several goroutines.
type Environment struct {
	library   Library
	providers []string
	loads     func(name string) bool // asks the system's loader for a library

	mu       sync.Mutex
	closed   bool
	profiles map[string]int // sessions that asked for a profile of this name
}

// Open opens a library that Find found. ONNX Runtime can be open once per process: a second Open of the same library
// shares it, an Open of another library meanwhile is an error. ONNX Runtime stays silent: no log on standard error, no
// telemetry.
func Open(lib Library) (*Environment, error) {
	looked, err := inspect(lib.Path)
	if err != nil {
		return nil, unfit(lib.Path, lib.Source, "a library that cannot be used", err)
	}
	lib.Version = looked.version
	e := &Environment{library: lib, providers: looked.providers, loads: loads, profiles: map[string]int{}}

	process.Lock()
	defer process.Unlock()
	if len(process.holders) > 0 {
		if !sameFile(process.path, lib.Path) {
			return nil, fmt.Errorf("opening ONNX Runtime %s: %s is open, and a process can have one", lib.Path, process.path)
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

// shareArena makes a session keep its buffers in the process's arena, which the first such session makes.
func shareArena(options *ort.SessionOptions) error {
	process.Lock()
	defer process.Unlock()
	if !process.arena {
		info, err := ort.GetMemoryInfo()
		if err != nil {
			return err
		}
		// A free chunk is split when more than this would be left over of it, instead of the library's 128 MB.
		const dead = 1 << 20
		config, err := ort.NewArenaCfg(0, -1, -1, dead)
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

// release gives up a holder; the last one ends ONNX Runtime.
func release(holder any) error {
	process.Lock()
	defer process.Unlock()
	delete(process.holders, holder)
	if len(process.holders) > 0 {
		return nil
	}
	return ort.DestroyEnvironment()
}

// hold adds a holder on behalf of one that holds already.
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

// Library is what has been opened.
func (e *Environment) Library() Library { return e.library }

// Providers are the execution providers compiled into the library, in its order of preference. That one is listed does
// not mean that its device is there: see CUDAMissing.
func (e *Environment) Providers() []string { return slices.Clone(e.providers) }

// Close gives the environment up; sessions made from it go on until they are closed themselves. A second Close does
// nothing.
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
