package hdf5

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"ptyx/internal/base/badinput"
)

// errorRecord is the library's H5E_error2_t. Only the description is read.
type errorRecord struct {
	_           [3]id    // class, major and minor number
	_           uint32   // line
	_           [2]*byte // function, file
	description *byte
}

// firstError is the callback that keeps the first description of a walk. A callback can never be freed, so there is
// one.
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

// cause is the library's description of the last failed call. It is lost with the next call.
func (a *api) cause() error {
	const upward = 0 // begin where the library noticed the fault
	first := new(string)
	a.h5Ewalk2(defaults, upward, firstError(), unsafe.Pointer(first))
	if *first == "" {
		return nil
	}
	return errors.New(strings.TrimSpace(*first))
}

// failed is an error of the last failed call.
func (a *api) failed(doing string) error {
	if cause := a.cause(); cause != nil {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	return errors.New(doing + " failed")
}

// unreadable is the error for a part of the file that the library does not read, with the cause of the last failed
// call.
func (f *File) unreadable(key, found string) error {
	return fault(f.path, key, found, "", "copy or write the file again", f.library.cause())
}

// fault is an input error about a key, the path of an object, in a file.
func fault(file, key, found, expected, remedy string, cause error) *badinput.Error {
	return &badinput.Error{File: file, Key: key, Found: found, Expected: expected, Remedy: remedy, Cause: cause}
}
