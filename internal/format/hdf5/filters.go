package hdf5

import (
	"cmp"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// unpacker decodes a chunk into dst, which it may make larger. values are the parameters of the filter. A chunk of more
// than most bytes is an error.
type unpacker func(dst, packed []byte, values []uint32, most int) ([]byte, error)

// filter is a registered filter that is not part of HDF5.
type filter struct {
	number  int32
	name    string
	unpack  unpacker // nil: this package does not decode it
	shrinks int64    // factor by which it can shrink data
}

// Factors by which a filter can shrink data. Deflate, the strongest of the library's own, reaches 1032; lz4, lzf and
// bitshuffle less. The others make 4 MB of zeros into 45 bytes or more.
const (
	shrinksUsually = 1032
	shrinksMost    = 1 << 17
)

// filters are those of detectors and of programs of the field.
func filters() []filter {
	return []filter{
		{4, "szip", nil, shrinksUsually},
		{307, "bzip2", unpackBzip2, shrinksMost},
		{32000, "lzf", unpackLZFChunk, shrinksUsually},
		{32001, "blosc", nil, shrinksMost},
		{32004, "lz4", unpackLZ4, shrinksUsually},
		{32008, "bitshuffle", unpackBitshuffle, shrinksUsually},
		{32013, "zfp", nil, shrinksMost},
		{32015, "zstd", unpackZstd, shrinksMost},
		{32017, "SZ", nil, shrinksMost},
		{32024, "SZ3", nil, shrinksMost},
		{32026, "blosc2", nil, shrinksMost},
	}
}

// shuffle is the library's own filter that exchanges bytes.
const shuffle = 2

// filterOf is the filter with a number; the zero value if it is none of the table.
func filterOf(number int32) filter {
	for _, f := range filters() {
		if f.number == number {
			return f
		}
	}
	return filter{number: number, shrinks: shrinksUsually}
}

// packing is what the filters of a dataset do.
type packing struct {
	shrinks int64 // the file holds at least one byte for so many of the array's
	exact   bool  // one filter of this package, and shuffle: each chunk has its final length when it is unpacked
}

// checkStorage refuses a dataset with values in other files, or with a filter that nothing decodes.
func (f *File) checkStorage(name string, properties id) (p packing, err error) {
	l := f.library
	if l.h5Pget_external_count(properties) > 0 {
		return p, fault(f.path, name, "a dataset whose values lie in another file", "the values themselves",
			"copy it into one file, as h5repack can", nil)
	}
	p.shrinks = shrinksUsually
	ours, others := 0, 0
	for n := range uint32(max(0, l.h5Pget_nfilters(properties))) {
		var flags, config uint32
		count := uintptr(0)
		label := make([]byte, 64)
		number := l.h5Pget_filter2(properties, n, &flags, &count, nil, uintptr(len(label)-1), unsafe.Pointer(&label[0]),
			&config)
		if number < 0 {
			continue
		}
		known := filterOf(number)
		p.shrinks = max(p.shrinks, known.shrinks)
		switch {
		case known.unpack != nil:
			ours++
		case number != shuffle:
			others++
		}
		if l.h5Zfilter_avail(number) > 0 {
			continue
		}
		filterName := cmp.Or(known.name, text(unsafe.Pointer(&label[0])), "unnamed")
		return p, fault(f.path, name, fmt.Sprintf("data packed by the filter %s (%d)", filterName, number),
			"none, gzip, shuffle, szip, lzf, lz4, bitshuffle, zstd or bzip2",
			"repack the file with h5repack -f GZIP=4, or set HDF5_PLUGIN_PATH to a folder with that filter's plug-in",
			nil)
	}
	p.exact = ours == 1 && others == 0
	return p, nil
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

// registered are the filters that the library knows of this package, whose addresses it keeps. Like callbacks, they
// live as long as the process, and the loader opens a library once in a process.
var registered []*filterClass

// registerFilters registers the filters of this package that the library does not have.
func (a *api) registerFilters() {
	for _, f := range filters() {
		if f.unpack == nil || a.h5Zfilter_avail(f.number) > 0 {
			continue
		}
		name := append([]byte(f.name), 0)
		run := purego.NewCallback(func(
			flags, count uintptr, values *uint32, packed uintptr, size *uintptr, buffer *unsafe.Pointer,
		) uintptr {
			const reverse = 0x0100
			if flags&reverse == 0 {
				return 0
			}
			in := unsafe.Slice((*byte)(*buffer), packed)
			out := a.unpackChunk(f.unpack, in, unsafe.Slice(values, count))
			if len(out) == 0 {
				return 0
			}
			// The library frees the buffer, so the new one is of the library's own function.
			memory := a.h5allocate_memory(uintptr(len(out)), 0)
			if memory == nil {
				return 0
			}
			copy(unsafe.Slice((*byte)(memory), len(out)), out)
			a.h5free_memory(*buffer)
			*buffer, *size = memory, uintptr(len(out))
			return uintptr(len(out))
		})
		class := &filterClass{version: 1, filter: f.number, decoder: 1, name: &name[0], run: run}
		registered = append(registered, class)
		a.h5Zregister(unsafe.Pointer(class))
	}
}

// chunk is what is known of the chunks that the library decodes at the moment, and memory for one. The lock of enter
// guards it.
var chunk struct {
	bytes int // of a chunk that is unpacked; 0: unknown
	exact bool
	spare []byte
}

// unpackChunk decodes one chunk; the result is empty if that fails, and valid until the next call. A panic of a decoder
// must not pass the library, which is C.
func (a *api) unpackChunk(unpack unpacker, packed []byte, values []uint32) (out []byte) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	const checksums = 64 // other filters may add to a chunk
	out, err := unpack(chunk.spare, packed, values, chunk.bytes+checksums)
	if err != nil || chunk.exact && len(out) != chunk.bytes {
		return nil
	}
	chunk.spare = out[:0]
	return out
}
