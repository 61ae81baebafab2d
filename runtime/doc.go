// Package runtime runs ONNX models with ONNX Runtime. It contains all the cgo of ptyx, and its interface has no C type.
// Import it as ort, since its name is that of a package of the standard library.
//
// Its nouns, in the order of use:
//
//   - a [Library] is a shared library file of ONNX Runtime of an accepted version; [Find] searches for it;
//   - an [Environment] is that library opened by [Open]. A process has one ONNX Runtime environment: every Open of the
//     same library shares it, and the last Close ends it;
//   - a [Session] is one model prepared for one execution provider: the CPU, or CUDA;
//   - a [Binding] ties a session to Go arrays, once, without copying them, and runs it any number of times.
//
// Each function reports the errors that it can know: Find a missing or unsuitable library, NewSession a missing device
// or a refused model, Bind a wrong shape. [Session.Provider] is the device in use. [Diagnose] collects the same facts
// for a person.
package runtime

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// These names let callers outside this module write the types of arguments and errors.
type (
	Array      = ndarray.Float32 // a dense array of float32 in C order
	InputError = badinput.Error  // a fault of a library or a device
)
