// Package runtime runs ONNX models in ONNX Runtime. Its nouns: a Library is a shared library found on this machine, with
// its version; an Environment is that library opened; a Session is a model loaded on a device; a Binding is a session
// with its arrays, run as often as wanted without a copy. All the cgo of ptyx is behind this package, no C type is in its
// interface, and it never reaches the network.
//
// What it runs, checkpoints and training steps alike, it takes as bytes; what they mean is the business of packages
// contract and trainer.
package runtime
