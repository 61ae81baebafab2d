package hdf5

import (
	"cmp"
	"fmt"
	"unsafe"
)

// filterNames are the registered filters in files of detectors that are not part of HDF5.
var filterNames = map[int32]string{
	4: "szip", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp",
	32015: "zstd", 32017: "SZ", 32026: "blosc2",
}

// checkStorage refuses a dataset with values in other files, or with a filter that the library does not have.
func (f *File) checkStorage(name string, properties id) error {
	l := f.library
	if l.h5Pget_layout(properties) == layoutVirtual {
		return fault(f.path, name, "a virtual dataset, whose values lie in other places", "the values themselves",
			"copy it into a dataset of its own, as h5repack or h5py can", nil)
	}
	if l.h5Pget_external_count(properties) > 0 {
		return fault(f.path, name, "a dataset whose values lie in another file", "the values themselves",
			"copy it into one file, as h5repack can", nil)
	}
	for n := range uint32(max(0, l.h5Pget_nfilters(properties))) {
		var flags, config uint32
		count := uintptr(0)
		label := make([]byte, 64)
		filter := l.h5Pget_filter2(properties, n, &flags, &count, nil, uintptr(len(label)-1), unsafe.Pointer(&label[0]),
			&config)
		if filter < 0 || l.h5Zfilter_avail(filter) > 0 {
			continue
		}
		filterName := cmp.Or(filterNames[filter], text(unsafe.Pointer(&label[0])), "unnamed")
		return fault(f.path, name, fmt.Sprintf("data packed by the filter %s (%d)", filterName, filter),
			"none, gzip, shuffle, lzf or another that the HDF5 library has",
			"set HDF5_PLUGIN_PATH to a folder with that filter's plugin, as the Python package hdf5plugin brings it, "+
				"or repack the file with h5repack -f GZIP=4", nil)
	}
	return nil
}
