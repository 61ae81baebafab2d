package hdf5

import (
	"errors"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// lzfFilter is the number under which lzf is registered.
const lzfFilter = 32000

// errLZF says that packed data are not what lzf writes.
var errLZF = errors.New("lzf: data that end too early or refer to what is not there")

// unpackLZF decodes a block of LibLZF, the format of h5py's filter lzf. size is what it is expected to unpack to.
//
// A control byte below 32 is followed by that many bytes and one, which are copied. Another one refers back: its upper three
// bits are a length less 2, continued in the next byte if all are set, its lower five bits and the byte after that a distance
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
		for range length { // byte by byte: what is copied may be just being written
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

// lzfClass tells the library of the filter. It lies here because the library keeps the address of its name.
var lzfClass = filterClass{version: 1, filter: lzfFilter, decoder: 1, name: &[]byte("lzf\x00")[0]}

// lzfCallback is what the library calls; a callback can never be freed, so there is one.
var lzfCallback = sync.OnceValue(func() uintptr { return purego.NewCallback(runLZF) })

// registerLZF gives the library the filter, unless it has one.
func (a *api) registerLZF() {
	if a.filterAvailable(lzfFilter) > 0 {
		return
	}
	lzfAPI = a
	lzfClass.run = lzfCallback()
	a.filterRegister(unsafe.Pointer(&lzfClass))
}

// lzfAPI is the library that runLZF takes memory from. Like serial it belongs to the process: the loader opens a library once.
var lzfAPI *api

// runLZF unpacks one chunk: the library frees its buffer with its own functions, so that the result must be of them, too. It
// returns the number of bytes, or 0 for a fault.
func runLZF(flags, count uintptr, values *[3]uint32, packed uintptr, size *uintptr, buffer *unsafe.Pointer) uintptr {
	const reverse = 0x0100
	if flags&reverse == 0 {
		return 0
	}
	expected := *size
	if count >= 3 && values[2] != 0 { // h5py notes the size of a chunk there
		expected = uintptr(values[2])
	}
	const most = 264 / 3 // bytes that a packed one can become
	out, err := unpackLZF(unsafe.Slice((*byte)(*buffer), packed), int(min(expected, most*packed)))
	if err != nil || len(out) == 0 {
		return 0
	}
	memory := lzfAPI.allocate(uintptr(len(out)), 0)
	if memory == nil {
		return 0
	}
	copy(unsafe.Slice((*byte)(memory), len(out)), out)
	lzfAPI.free(*buffer)
	*buffer, *size = memory, uintptr(len(out))
	return uintptr(len(out))
}
