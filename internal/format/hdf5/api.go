package hdf5

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// id is the library's hid_t: an open thing, to be closed; negative where opening failed.
type id int64

// api are the library's functions in use, with the types of its C declarations: hid_t is id, herr_t, htri_t and enumerations are
// int32, hsize_t is uint64, size_t is uintptr. All but a few are the same from 1.10 to 2.0.
type api struct {
	open           func() int32
	libraryVersion func(major, minor, release *uint32) int32
	allocate       func(size uintptr, clear int32) unsafe.Pointer
	free           func(memory unsafe.Pointer) int32
	autoErrors     func(stack id, print, data uintptr) int32
	walkErrors     func(stack id, direction int32, visit uintptr, data unsafe.Pointer) int32

	fileOpen   func(name string, flags uint32, access id) id
	fileCreate func(name string, flags uint32, creation, access id) id
	fileClose  func(file id) int32

	linkExists func(place id, name string, access id) int32
	linkInfo   func(place id, name string, info unsafe.Pointer, access id) int32
	linkValue  func(place id, name string, value unsafe.Pointer, size uintptr, access id) int32
	linkName   func(place id, group string, index, order int32, n uint64, name unsafe.Pointer, size uintptr, access id) int
	linkSoft   func(target string, place id, name string, creation, access id) int32

	groupInfo   func(group id, info unsafe.Pointer) int32
	groupCreate func(place id, name string, links, creation, access id) id
	objectOpen  func(place id, name string, access id) id
	objectClose func(object id) int32
	objectType  func(object id) int32

	datasetOpen       func(place id, name string, access id) id
	datasetCreate     func(place id, name string, kind, space, links, creation, access id) id
	datasetSpace      func(dataset id) id
	datasetType       func(dataset id) id
	datasetProperties func(dataset id) id
	datasetRead       func(dataset, kind, memory, file, transfer id, to unsafe.Pointer) int32
	datasetWrite      func(dataset, kind, memory, file, transfer id, from unsafe.Pointer) int32
	datasetClose      func(dataset id) int32
	reclaim           func(kind, space, transfer id, buffer unsafe.Pointer) int32

	attributeExists func(object id, name string) int32
	attributeOpen   func(object id, name string, access id) id
	attributeCreate func(object id, name string, kind, space, creation, access id) id
	attributeType   func(attribute id) id
	attributeSpace  func(attribute id) id
	attributeRead   func(attribute, kind id, to unsafe.Pointer) int32
	attributeWrite  func(attribute, kind id, from unsafe.Pointer) int32
	attributeClose  func(attribute id) int32

	spaceCreate   func(rank int32, dims, most *uint64) id
	spaceScalar   func(class int32) id
	spaceRank     func(space id) int32
	spaceDims     func(space id, dims, most *uint64) int32
	spaceClass    func(space id) int32
	spaceSelect   func(space id, operation int32, start, stride, count, block *uint64) int32
	spaceClose    func(space id) int32
	typeClass     func(kind id) int32
	typeSize      func(kind id) uintptr
	typeSign      func(kind id) int32
	typeOrder     func(kind id) int32
	typeMembers   func(kind id) int32
	typeName      func(kind id, member uint32) unsafe.Pointer
	typeMember    func(kind id, member uint32) id
	typeIsText    func(kind id) int32
	typeCreate    func(class int32, size uintptr) id
	typeInsert    func(kind id, name string, offset uintptr, member id) int32
	typeCopy      func(kind id) id
	typeSetSize   func(kind id, size uintptr) int32
	typeSetCoding func(kind id, coding int32) int32
	typeSetPad    func(kind id, pad int32) int32
	typeClose     func(kind id) int32

	propertyCreate       func(class id) id
	propertyClose        func(list id) int32
	propertyChunk        func(list id, rank int32, dims *uint64) int32
	propertyDeflate      func(list id, level uint32) int32
	propertyShuffle      func(list id) int32
	propertyLocking      func(list id, use, ignoreDisabled uint8) int32 // nil before 1.10.7
	propertyTimes        func(list id, track uint8) int32
	propertyVersions     func(list id, low, high int32) int32
	propertyIntermediate func(list id, create uint32) int32
	propertyLayout       func(list id) int32
	propertyGetChunk     func(list id, rank int32, dims *uint64) int32
	propertyCache        func(list id, slots, bytes uintptr, preempt float64) int32
	propertyExternal     func(list id) int32
	propertyFilters      func(list id) int32
	propertyFilter       func(list id, n uint32, flags *uint32, count *uintptr, values *uint32, size uintptr, name unsafe.Pointer, config *uint32) int32
	filterAvailable      func(filter int32) int32
	filterRegister       func(class unsafe.Pointer) int32

	ids ids
}

// ids are things that the library has opened for itself.
type ids struct {
	float32, float64, int64, uint64                      id // of memory
	floatComplex                                         id // of memory; 0 before HDF5 2.0
	f32, f64, i64, i32, u32, u8, text                    id // of files, little-endian
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

	selectSet = 0
)

// symbols ties functions to their names in the library; of several names the first that is there is taken.
func (a *api) symbols() []struct {
	function any
	names    []string
} {
	type symbol = struct {
		function any
		names    []string
	}
	one := func(function any, names ...string) symbol { return symbol{function, names} }
	return []symbol{
		one(&a.open, "H5open"), one(&a.libraryVersion, "H5get_libversion"), one(&a.allocate, "H5allocate_memory"), one(&a.free, "H5free_memory"),
		one(&a.autoErrors, "H5Eset_auto2"), one(&a.walkErrors, "H5Ewalk2"),
		one(&a.fileOpen, "H5Fopen"), one(&a.fileCreate, "H5Fcreate"), one(&a.fileClose, "H5Fclose"),
		one(&a.linkExists, "H5Lexists"), one(&a.linkInfo, "H5Lget_info2", "H5Lget_info1", "H5Lget_info"), one(&a.linkValue, "H5Lget_val"),
		one(&a.linkName, "H5Lget_name_by_idx"), one(&a.linkSoft, "H5Lcreate_soft"),
		one(&a.groupInfo, "H5Gget_info"), one(&a.groupCreate, "H5Gcreate2"),
		one(&a.objectOpen, "H5Oopen"), one(&a.objectClose, "H5Oclose"), one(&a.objectType, "H5Iget_type"),
		one(&a.datasetOpen, "H5Dopen2"), one(&a.datasetCreate, "H5Dcreate2"), one(&a.datasetSpace, "H5Dget_space"), one(&a.datasetType, "H5Dget_type"),
		one(&a.datasetProperties, "H5Dget_create_plist"), one(&a.datasetRead, "H5Dread"), one(&a.datasetWrite, "H5Dwrite"), one(&a.datasetClose, "H5Dclose"),
		one(&a.reclaim, "H5Treclaim", "H5Dvlen_reclaim"),
		one(&a.attributeExists, "H5Aexists"), one(&a.attributeOpen, "H5Aopen"), one(&a.attributeCreate, "H5Acreate2"), one(&a.attributeType, "H5Aget_type"),
		one(&a.attributeSpace, "H5Aget_space"), one(&a.attributeRead, "H5Aread"), one(&a.attributeWrite, "H5Awrite"), one(&a.attributeClose, "H5Aclose"),
		one(&a.spaceCreate, "H5Screate_simple"), one(&a.spaceScalar, "H5Screate"), one(&a.spaceRank, "H5Sget_simple_extent_ndims"),
		one(&a.spaceDims, "H5Sget_simple_extent_dims"), one(&a.spaceClass, "H5Sget_simple_extent_type"), one(&a.spaceSelect, "H5Sselect_hyperslab"),
		one(&a.spaceClose, "H5Sclose"),
		one(&a.typeClass, "H5Tget_class"), one(&a.typeSize, "H5Tget_size"), one(&a.typeSign, "H5Tget_sign"), one(&a.typeOrder, "H5Tget_order"),
		one(&a.typeMembers, "H5Tget_nmembers"), one(&a.typeName, "H5Tget_member_name"), one(&a.typeMember, "H5Tget_member_type"),
		one(&a.typeIsText, "H5Tis_variable_str"), one(&a.typeCreate, "H5Tcreate"), one(&a.typeInsert, "H5Tinsert"), one(&a.typeCopy, "H5Tcopy"),
		one(&a.typeSetSize, "H5Tset_size"), one(&a.typeSetCoding, "H5Tset_cset"), one(&a.typeSetPad, "H5Tset_strpad"), one(&a.typeClose, "H5Tclose"),
		one(&a.propertyCreate, "H5Pcreate"), one(&a.propertyClose, "H5Pclose"), one(&a.propertyChunk, "H5Pset_chunk"),
		one(&a.propertyDeflate, "H5Pset_deflate"), one(&a.propertyShuffle, "H5Pset_shuffle"), one(&a.propertyTimes, "H5Pset_obj_track_times"),
		one(&a.propertyVersions, "H5Pset_libver_bounds"),
		one(&a.propertyIntermediate, "H5Pset_create_intermediate_group"), one(&a.propertyLayout, "H5Pget_layout"), one(&a.propertyGetChunk, "H5Pget_chunk"),
		one(&a.propertyCache, "H5Pset_chunk_cache"), one(&a.propertyExternal, "H5Pget_external_count"), one(&a.propertyFilters, "H5Pget_nfilters"),
		one(&a.propertyFilter, "H5Pget_filter2"), one(&a.filterAvailable, "H5Zfilter_avail"), one(&a.filterRegister, "H5Zregister"),
	}
}

// bind looks the functions up.
func (a *api) bind(handle uintptr) error {
	for _, s := range a.symbols() {
		address := uintptr(0)
		for _, name := range s.names {
			if found, err := purego.Dlsym(handle, name); err == nil && found != 0 {
				address = found
				break
			}
		}
		if address == 0 {
			return fmt.Errorf("no HDF5 library of version %s or newer: it lacks the function %s", MinimumVersion, strings.Join(s.names, " or "))
		}
		purego.RegisterFunc(s.function, address)
	}
	if found, err := purego.Dlsym(handle, "H5Pset_file_locking"); err == nil && found != 0 {
		purego.RegisterFunc(&a.propertyLocking, found)
	}
	return nil
}

// bindIDs reads the variables that the library sets when it starts.
func (a *api) bindIDs(handle uintptr) error {
	for _, v := range []struct {
		value    *id
		name     string
		optional bool
	}{
		{&a.ids.float32, "H5T_NATIVE_FLOAT_g", false}, {&a.ids.float64, "H5T_NATIVE_DOUBLE_g", false},
		{&a.ids.int64, "H5T_NATIVE_INT64_g", false}, {&a.ids.uint64, "H5T_NATIVE_UINT64_g", false},
		{&a.ids.floatComplex, "H5T_NATIVE_FLOAT_COMPLEX_g", true},
		{&a.ids.f32, "H5T_IEEE_F32LE_g", false}, {&a.ids.f64, "H5T_IEEE_F64LE_g", false}, {&a.ids.i64, "H5T_STD_I64LE_g", false},
		{&a.ids.i32, "H5T_STD_I32LE_g", false}, {&a.ids.u32, "H5T_STD_U32LE_g", false}, {&a.ids.u8, "H5T_STD_U8LE_g", false}, {&a.ids.text, "H5T_C_S1_g", false},
		{&a.ids.createDataset, "H5P_CLS_DATASET_CREATE_ID_g", false}, {&a.ids.accessDataset, "H5P_CLS_DATASET_ACCESS_ID_g", false},
		{&a.ids.accessFile, "H5P_CLS_FILE_ACCESS_ID_g", false}, {&a.ids.createLink, "H5P_CLS_LINK_CREATE_ID_g", false},
	} {
		address, err := purego.Dlsym(handle, v.name)
		if err != nil || address == 0 {
			if v.optional {
				continue
			}
			return fmt.Errorf("no HDF5 library of version %s or newer: it lacks the variable %s", MinimumVersion, v.name)
		}
		// The address of a variable in the library, not of Go memory: read through its own address to tell vet so.
		*v.value = **(**id)(unsafe.Pointer(&address))
	}
	return nil
}

// serial lets one goroutine at a time into the library, whose state belongs to the process, as this lock therefore does.
var serial sync.Mutex

// enter begins a series of calls; what it returns ends it. The goroutine stays on its thread, because the stack of errors and
// the wish not to have it printed belong to that thread.
func (a *api) enter() (leave func()) {
	serial.Lock()
	runtime.LockOSThread()
	a.autoErrors(defaults, 0, 0)
	return func() {
		runtime.UnlockOSThread()
		serial.Unlock()
	}
}
