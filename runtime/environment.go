package runtime

import (
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Environment is ONNX Runtime, opened. The wrapper underneath allows one per process, so Environments of the same library
// share it; the last Close ends it.
type Environment struct {
	library Library
	once    sync.Once
}

// process is the one environment that the wrapper underneath has.
var process struct {
	sync.Mutex
	users int
	path  string
}

// Open starts ONNX Runtime, or joins the running one. Opening a second library beside a first is an error.
func Open(library Library) (*Environment, error) {
	process.Lock()
	defer process.Unlock()
	if process.users > 0 && process.path != library.Path {
		return nil, fmt.Errorf("opening ONNX Runtime %s: %s is already open in this process", library.Path, process.path)
	}
	if process.users == 0 {
		ort.SetSharedLibraryPath(library.Path)
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return nil, fmt.Errorf("opening ONNX Runtime %s: %w", library.Path, err)
		}
		process.path = library.Path
	}
	process.users++
	return &Environment{library: library}, nil
}

// Library is what was opened.
func (e *Environment) Library() Library { return e.library }

// Close releases the environment. Sessions must be closed first. Closing twice does nothing.
func (e *Environment) Close() (err error) {
	e.once.Do(func() {
		process.Lock()
		defer process.Unlock()
		if process.users--; process.users == 0 {
			err = ort.DestroyEnvironment()
		}
	})
	return err
}
