package hdf5

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// id is the library's hid_t: an open object, to be closed; negative if opening failed.
type id int64

// api are the library's functions in use, under their C names with a small h and with the types of their C
// declarations: hid_t is id, herr_t, htri_t and enumerations are int32, hsize_t is uint64, size_t is uintptr. All but a
// few are the same from 1.10 to 2.0.
type api struct {
	h5open            func() int32
	h5get_libversion  func(major, minor, release *uint32) int32
	h5allocate_memory func(size uintptr, clear int32) unsafe.Pointer
	h5free_memory     func(memory unsafe.Pointer) int32
	h5Eset_auto2      func(stack id, print, data uintptr) int32
	h5Ewalk2          func(stack id, direction int32, visit uintptr, data unsafe.Pointer) int32

	h5Fopen   func(name string, flags uint32, access id) id
	h5Fcreate func(name string, flags uint32, creation, access id) id
	h5Fclose  func(file id) int32

	h5Lexists          func(place id, name string, access id) int32
	h5Lget_info        func(place id, name string, info unsafe.Pointer, access id) int32
	h5Lget_val         func(place id, name string, value unsafe.Pointer, size uintptr, access id) int32
	h5Lget_name_by_idx func(place id, group string, index, order int32, n uint64, name unsafe.Pointer, size uintptr,
		access id) int
	h5Lcreate_soft func(target string, place id, name string, creation, access id) int32

	h5Gget_info func(group id, info unsafe.Pointer) int32
	h5Gcreate2  func(place id, name string, links, creation, access id) id
	h5Oopen     func(place id, name string, access id) id
	h5Oclose    func(object id) int32
	h5Iget_type func(object id) int32

	h5Dopen2            func(place id, name string, access id) id
	h5Dcreate2          func(place id, name string, kind, space, links, creation, access id) id
	h5Dget_space        func(dataset id) id
	h5Dget_type         func(dataset id) id
	h5Dget_create_plist func(dataset id) id
	h5Dread             func(dataset, kind, memory, file, transfer id, to unsafe.Pointer) int32
	h5Dwrite            func(dataset, kind, memory, file, transfer id, from unsafe.Pointer) int32
	h5Dclose            func(dataset id) int32
	h5Treclaim          func(kind, space, transfer id, buffer unsafe.Pointer) int32

	h5Aexists    func(object id, name string) int32
	h5Aopen      func(object id, name string, access id) id
	h5Acreate2   func(object id, name string, kind, space, creation, access id) id
	h5Aget_type  func(attribute id) id
	h5Aget_space func(attribute id) id
	h5Aread      func(attribute, kind id, to unsafe.Pointer) int32
	h5Awrite     func(attribute, kind id, from unsafe.Pointer) int32
	h5Aclose     func(attribute id) int32

	h5Screate_simple           func(rank int32, dims, most *uint64) id
	h5Screate                  func(class int32) id
	h5Sget_simple_extent_ndims func(space id) int32
	h5Sget_simple_extent_dims  func(space id, dims, most *uint64) int32
	h5Sget_simple_extent_type  func(space id) int32
	h5Sselect_hyperslab        func(space id, operation int32, start, stride, count, block *uint64) int32
	h5Sclose                   func(space id) int32
	h5Tget_class               func(kind id) int32
	h5Tget_size                func(kind id) uintptr
	h5Tget_sign                func(kind id) int32
	h5Tget_order               func(kind id) int32
	h5Tget_nmembers            func(kind id) int32
	h5Tget_member_name         func(kind id, member uint32) unsafe.Pointer
	h5Tget_member_type         func(kind id, member uint32) id
	h5Tis_variable_str         func(kind id) int32
	h5Tcreate                  func(class int32, size uintptr) id
	h5Tinsert                  func(kind id, name string, offset uintptr, member id) int32
	h5Tcopy                    func(kind id) id
	h5Tset_size                func(kind id, size uintptr) int32
	h5Tset_cset                func(kind id, coding int32) int32
	h5Tclose                   func(kind id) int32

	h5Pcreate                        func(class id) id
	h5Pclose                         func(list id) int32
	h5Pset_chunk                     func(list id, rank int32, dims *uint64) int32
	h5Pset_deflate                   func(list id, level uint32) int32
	h5Pset_shuffle                   func(list id) int32
	h5Pset_file_locking              func(list id, use, ignoreDisabled uint8) int32 // nil before 1.10.7
	h5Pset_obj_track_times           func(list id, track uint8) int32
	h5Pset_libver_bounds             func(list id, low, high int32) int32
	h5Pset_create_intermediate_group func(list id, create uint32) int32
	h5Pget_layout                    func(list id) int32
	h5Pget_chunk                     func(list id, rank int32, dims *uint64) int32
	h5Pset_chunk_cache               func(list id, slots, bytes uintptr, preempt float64) int32
	h5Pget_external_count            func(list id) int32
	h5Pget_nfilters                  func(list id) int32
	h5Pget_filter2                   func(list id, n uint32, flags *uint32, count *uintptr, values *uint32,
		size uintptr, name unsafe.Pointer, config *uint32) int32
	h5Pget_fill_value       func(list, kind id, value unsafe.Pointer) int32
	h5Pget_virtual_count    func(list id, count *uintptr) int32
	h5Pget_virtual_vspace   func(list id, n uintptr) id
	h5Pget_virtual_srcspace func(list id, n uintptr) id
	h5Pget_virtual_filename func(list id, n uintptr, name unsafe.Pointer, size uintptr) int
	h5Pget_virtual_dsetname func(list id, n uintptr, name unsafe.Pointer, size uintptr) int

	h5Sget_select_type       func(space id) int32
	h5Sis_regular_hyperslab  func(space id) int32
	h5Sget_regular_hyperslab func(space id, start, stride, count, block *uint64) int32

	h5Zfilter_avail func(filter int32) int32
	h5Zregister     func(class unsafe.Pointer) int32

	h5PLset_loading_state func(kinds uint32) int32

	ids ids
}

// ids are types and classes that the library opens itself.
type ids struct {
	float32, float64, int64                              id // of memory
	floatComplex                                         id // of memory; 0 before HDF5 2.0
	f32, f64, i64, u32, text                             id // of files, little-endian
	createDataset, accessDataset, accessFile, createLink id // classes of property lists
}

// Values of the library's enumerations.
const (
	defaults = id(0) // H5P_DEFAULT, H5E_DEFAULT, H5S_ALL

	readOnly = 0
	truncate = 2
	swmrRead = 0x40 // with readOnly: while one writer writes

	linkHard     = 0
	linkIsSoft   = 1
	linkExternal = 64

	objectGroup   = 2
	objectDataset = 5

	spaceIsScalar = 0
	spaceIsNull   = 2

	layoutChunked = 2
	layoutVirtual = 3
)

// Functions whose name in the library is not that of the field: of several names the first that exists is taken.
var otherNames = map[string][]string{
	"h5Lget_info": {"H5Lget_info2", "H5Lget_info1", "H5Lget_info"},
	"h5Treclaim":  {"H5Treclaim", "H5Dvlen_reclaim"},
}

// bind sets the functions of the api.
func (a *api) bind(handle uintptr) error {
	functions := reflect.ValueOf(a).Elem()
	for i := range functions.NumField() {
		field := functions.Type().Field(i)
		if field.Type.Kind() != reflect.Func {
			continue
		}
		names := otherNames[field.Name]
		if names == nil {
			names = []string{"H" + field.Name[1:]}
		}
		address := uintptr(0)
		for _, name := range names {
			if found, err := purego.Dlsym(handle, name); err == nil && address == 0 {
				address = found
			}
		}
		switch {
		case address != 0: // through its address, because the field is not exported
			pointer := reflect.NewAt(field.Type, unsafe.Pointer(functions.Field(i).UnsafeAddr()))
			purego.RegisterFunc(pointer.Interface(), address)
		case field.Name != "h5Pset_file_locking":
			return lacking("function " + strings.Join(names, " or "))
		}
	}
	return nil
}

// lacking is the error for a library that is too old.
func lacking(symbol string) error {
	return fmt.Errorf("no HDF5 library of version %s or newer: it lacks the %s", MinimumVersion, symbol)
}

// bindIDs reads the variables that the library sets when it starts.
func (a *api) bindIDs(handle uintptr) error {
	for _, v := range []struct {
		value *id
		name  string
	}{
		{&a.ids.float32, "H5T_NATIVE_FLOAT_g"}, {&a.ids.float64, "H5T_NATIVE_DOUBLE_g"},
		{&a.ids.int64, "H5T_NATIVE_INT64_g"}, {&a.ids.floatComplex, "H5T_NATIVE_FLOAT_COMPLEX_g"},
		{&a.ids.f32, "H5T_IEEE_F32LE_g"}, {&a.ids.f64, "H5T_IEEE_F64LE_g"}, {&a.ids.i64, "H5T_STD_I64LE_g"},
		{&a.ids.u32, "H5T_STD_U32LE_g"}, {&a.ids.text, "H5T_C_S1_g"},
		{&a.ids.createDataset, "H5P_CLS_DATASET_CREATE_ID_g"}, {&a.ids.accessDataset, "H5P_CLS_DATASET_ACCESS_ID_g"},
		{&a.ids.accessFile, "H5P_CLS_FILE_ACCESS_ID_g"}, {&a.ids.createLink, "H5P_CLS_LINK_CREATE_ID_g"},
	} {
		address, err := purego.Dlsym(handle, v.name)
		if err == nil && address != 0 {
			// The address of a variable in the library, not of Go memory: read through its own address for vet's sake.
			*v.value = **(**id)(unsafe.Pointer(&address))
		} else if v.value != &a.ids.floatComplex {
			return lacking("variable " + v.name)
		}
	}
	return nil
}

// serial lets one goroutine at a time into the library, whose state belongs to the process.
var serial sync.Mutex

// enter begins a series of calls and leave ends it. The goroutine stays on its thread, because the library keeps its
// stack of errors, and whether it prints them, for each thread.
func (a *api) enter() (leave func()) {
	serial.Lock()
	runtime.LockOSThread()
	a.h5Eset_auto2(defaults, 0, 0)
	return func() {
		runtime.UnlockOSThread()
		serial.Unlock()
	}
}
