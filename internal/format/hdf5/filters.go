package hdf5

import (
	"cmp"
	"fmt"
	"unsafe"
)

// filter is a registered filter that is not part of HDF5.
type filter struct {
	name string
	file string // of its plug-in, as the Python package hdf5plugin names it, without the extension; empty: none
}

// filters are those of detectors and of programs of the field, by their registered numbers. `make lib` installs the
// plug-ins of bzip2, lz4, bitshuffle and zstd. lzf is in this package.
var filters = map[int32]filter{
	4:         {"szip", ""},
	307:       {"bzip2", "libh5bzip2"},
	lzfFilter: {"lzf", ""},
	32001:     {"blosc", "libh5blosc"},
	32004:     {"lz4", "libh5lz4"},
	32008:     {"bitshuffle", "libh5bshuf"},
	32013:     {"zfp", "libh5zfp"},
	32015:     {"zstd", "libh5zstd"},
	32017:     {"SZ", "libh5sz"},
	32024:     {"SZ3", "libh5sz3"},
	32026:     {"blosc2", "libh5blosc2"},
}

// The factors by which a filter can shrink data. Deflate, the strongest of the library's own filters, reaches 1032; lz4
// and bitshuffle less. The others make 4 MB of zeros into 45 bytes or more.
const (
	shrinksUsually = 1032
	shrinksMost    = 1 << 17
)

// checkStorage refuses a dataset with values in other files, or with a filter that the library does not have and for
// which there is no plug-in. shrinks is the factor by which its filters can shrink data.
func (f *File) checkStorage(name string, properties id) (shrinks int64, err error) {
	l := f.library
	if l.h5Pget_external_count(properties) > 0 {
		return 0, fault(f.path, name, "a dataset whose values lie in another file", "the values themselves",
			"copy it into one file, as h5repack can", nil)
	}
	shrinks = shrinksUsually
	for n := range uint32(max(0, l.h5Pget_nfilters(properties))) {
		var flags, config uint32
		count := uintptr(0)
		label := make([]byte, 64)
		number := l.h5Pget_filter2(properties, n, &flags, &count, nil, uintptr(len(label)-1), unsafe.Pointer(&label[0]),
			&config)
		if number < 0 {
			continue
		}
		known := filters[number]
		if known.file != "" && known.name != "lz4" && known.name != "bitshuffle" {
			shrinks = shrinksMost
		}
		if l.h5Zfilter_avail(number) > 0 {
			continue
		}
		if err := l.addFilter(number, known.file); err != nil {
			filterName := cmp.Or(known.name, text(unsafe.Pointer(&label[0])), "unnamed")
			return 0, fault(f.path, name, fmt.Sprintf("data packed by the filter %s (%d)", filterName, number),
				"a filter that ptyx finds", l.filterRemedy(known.file), err)
		}
	}
	return shrinks, nil
}

// filterRemedy says how to add the plug-in of a filter.
func (l *Library) filterRemedy(file string) string {
	repack := "repack the file with h5repack -f GZIP=4"
	if file == "" {
		return repack
	}
	return fmt.Sprintf("put %s%s of the Python package hdf5plugin into %s, or %s", file, extension(),
		l.filterFolders()[0], repack)
}
