// Package runtime runs ONNX models with ONNX Runtime: the last stop of a model's bytes, the first of its results. All
// the cgo of ptyx is behind it, and no C type is in its interface.
//
// Its nouns, in the order in which a program meets them:
//
//   - a [Library] is a shared library file of ONNX Runtime, found by [Find] and fit for use (its version is known and
//     accepted);
//   - an [Environment] is that library opened ([Open]). ONNX Runtime knows one environment per process: every Open of the
//     same library shares it, the last Close ends it;
//   - a [Session] is one model made ready to run on one execution provider: the CPU, or CUDA;
//   - a [Binding] ties a session to Go arrays, once, without copying them, and runs it as often as wanted.
//
// Faults are told as early as they can be known: a missing or unfit library by Find, a missing device and a refused model
// by NewSession, a wrong shape by Bind. Nothing falls back in silence: [Session.Provider] says what computes, and
// [Session.Reason] why. [Diagnose] gathers the same facts for a person.
package runtime
