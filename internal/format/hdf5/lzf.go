package hdf5

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// lzfFilter is the number under which lzf is registered.
const lzfFilter = 32000

// errLZF is the error for data that lzf did not write.
var errLZF = errors.New("lzf: data that end too early or refer to missing bytes")

// unpackLZF decodes a block of LibLZF, the format of h5py's filter lzf. size is the expected size of the result, in
// bytes.
//
// After a control byte c < 32 follow c + 1 bytes to copy. Any other control byte refers back: its upper three bits are
// the length less 2, continued in the next byte if all are set; its lower five bits and the byte after are the distance
// less 1.
func unpackLZF(packed []byte, size int) ([]byte, error) {
	out := make([]byte, 0, size)
	for at := 0; at < len(packed); {
		control := int(packed[at])
		at++
		if control < 32 {
			if at+control+1 > len(packed) {
				return nil, errLZF
			}
			out = append(out, packed[at:at+control+1]...)
			at += control + 1
			continue
		}
		length := control>>5 + 2
		if control>>5 == 7 {
			if at == len(packed) {
				return nil, errLZF
			}
			length += int(packed[at])
			at++
		}
		if at == len(packed) {
			return nil, errLZF
		}
		from := len(out) - (control&31<<8 | int(packed[at])) - 1
		at++
		if from < 0 {
			return nil, errLZF
		}
		for range length { // byte by byte, because source and destination may overlap
			out = append(out, out[from])
			from++
		}
	}
	return out, nil
}

// filterClass is the library's H5Z_class2_t.
type filterClass struct {
	version          int32
	filter           int32
	encoder, decoder uint32
	name             *byte
	applicable       uintptr
	local            uintptr
	run              uintptr
}

// lzfClass describes the filter to the library, which keeps the address of the name.
var lzfClass = filterClass{version: 1, filter: lzfFilter, decoder: 1, name: &[]byte("lzf\x00")[0]}

// lzfCallback is the function that the library calls. A callback can never be freed, so there is one.
var lzfCallback = sync.OnceValue(func() uintptr { return purego.NewCallback(runLZF) })

// registerLZF registers the filter, unless the library has one.
func (a *api) registerLZF() {
	if a.h5Zfilter_avail(lzfFilter) > 0 {
		return
	}
	lzfAPI = a
	lzfClass.run = lzfCallback()
	a.h5Zregister(unsafe.Pointer(&lzfClass))
}

// lzfAPI is the library that runLZF allocates memory from. The loader opens a library once in a process.
var lzfAPI *api

// runLZF unpacks one chunk and returns the number of bytes, or 0 for a fault. The library frees the buffer, so runLZF
// allocates the new one with the library's own function.
func runLZF(flags, count uintptr, values *[3]uint32, packed uintptr, size *uintptr, buffer *unsafe.Pointer) uintptr {
	const reverse = 0x0100
	if flags&reverse == 0 {
		return 0
	}
	expected := *size
	if count >= 3 && values[2] != 0 { // h5py notes the size of a chunk there
		expected = uintptr(values[2])
	}
	const most = 264 / 3 // bytes that a packed byte can become
	out, err := unpackLZF(unsafe.Slice((*byte)(*buffer), packed), int(min(expected, most*packed)))
	if err != nil || len(out) == 0 {
		return 0
	}
	memory := lzfAPI.h5allocate_memory(uintptr(len(out)), 0)
	if memory == nil {
		return 0
	}
	copy(unsafe.Slice((*byte)(memory), len(out)), out)
	lzfAPI.h5free_memory(*buffer)
	*buffer, *size = memory, uintptr(len(out))
	return uintptr(len(out))
}
