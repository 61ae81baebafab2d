package watch

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// yieldProcessor gives other threads of the machine preference over the goroutine that calls it, until that ends:
// drawing pictures must not hold up frames. The goroutine keeps its thread, which ends with it.
func yieldProcessor() {
	const lowest = 19
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowest) // without it, the files only come at a worse time
}
