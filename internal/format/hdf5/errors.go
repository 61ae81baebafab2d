package hdf5

import (
	"errors"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"ptyx/internal/base/badinput"
)

// errorRecord is the library's H5E_error2_t, of which only the description is read.
type errorRecord struct {
	_           [3]id    // class, major and minor number
	_           uint32   // line
	_           [2]*byte // function, file
	description *byte
}

// upward makes the walk over the stack of errors begin where the fault was noticed.
const upward = 0

// firstError is the callback that keeps the first description of a walk. A callback can never be freed, so there is one.
var firstError = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(_ uintptr, record *errorRecord, first *string) uintptr {
		if *first == "" && record.description != nil {
			*first = text(unsafe.Pointer(record.description))
		}
		return 0
	})
})

// text copies a C string.
func text(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// cause is what the library says of the call that failed last. It must be asked before the next call.
func (a *api) cause() error {
	first := new(string)
	a.walkErrors(defaults, upward, firstError(), unsafe.Pointer(first))
	if *first == "" {
		return nil
	}
	return errors.New(strings.TrimSpace(*first))
}

// fault is a complaint about something in a file.
func fault(file, key, found, expected, remedy string, cause error) *badinput.Error {
	return &badinput.Error{File: file, Key: key, Found: found, Expected: expected, Remedy: remedy, Cause: cause}
}
