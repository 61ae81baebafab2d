//go:build !linux

package watch

// yieldProcessor does nothing: only Linux has priorities of threads.
func yieldProcessor() {}
