package runtime

// This file checks a shared library before the Go wrapper of ONNX Runtime opens it. The wrapper reports a library that
// is too old only by a number, the library then prints to standard error, and the wrapper cannot list the execution
// providers.

/*
#cgo linux LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The head of onnxruntime_c_api.h. OrtApi is a table of functions to which releases only append, so that a function is
// known by its place; TestFunctionPlaces compares the places with the wrapper's header.
typedef const void *const *ptyx_api;
typedef struct {
	ptyx_api (*GetApi)(uint32_t version);
	const char *(*GetVersionString)(void);
} ptyx_api_base;
typedef void *(*ptyx_get_providers)(char ***names, int *count); // returns a status, NULL for success
typedef void *(*ptyx_release_providers)(char **names, int count);
typedef void (*ptyx_release_status)(void *status);

enum {
	PTYX_RELEASE_STATUS = 93,
	PTYX_GET_AVAILABLE_PROVIDERS = 125,
	PTYX_RELEASE_AVAILABLE_PROVIDERS = 126,
};

// ptyx_open loads a library. dlerror belongs to the thread, so it is read here, before Go can move on to another one;
// *fault is for free.
static void *ptyx_open(const char *name, char **fault) {
	void *handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
	if (!handle) {
		const char *text = dlerror();
		*fault = strdup(text ? text : "unknown fault");
	}
	return handle;
}

static const ptyx_api_base *ptyx_base(void *handle) {
	const ptyx_api_base *(*get)(void) = (const ptyx_api_base *(*)(void))dlsym(handle, "OrtGetApiBase");
	return get ? get() : NULL;
}

// ptyx_file is the path that the loader found a handle's library at.
static const char *ptyx_file(void *handle) {
	Dl_info info;
	void *symbol = dlsym(handle, "OrtGetApiBase");
	return symbol && dladdr(symbol, &info) ? info.dli_fname : NULL;
}

static const char *ptyx_version(const ptyx_api_base *base) { return base->GetVersionString(); }

static ptyx_api ptyx_get_api(const ptyx_api_base *base, uint32_t version) { return base->GetApi(version); }

static int ptyx_providers(ptyx_api api, char ***names, int *count) {
	void *status = ((ptyx_get_providers)api[PTYX_GET_AVAILABLE_PROVIDERS])(names, count);
	if (!status) return 1;
	((ptyx_release_status)api[PTYX_RELEASE_STATUS])(status);
	return 0;
}

static void ptyx_free_providers(ptyx_api api, char **names, int count) {
	void *status = ((ptyx_release_providers)api[PTYX_RELEASE_AVAILABLE_PROVIDERS])(names, count);
	if (status) ((ptyx_release_status)api[PTYX_RELEASE_STATUS])(status);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"
)

// functionPlaces are the indices of the functions of OrtApi in use here.
var functionPlaces = map[string]int{
	"ReleaseStatus":             C.PTYX_RELEASE_STATUS,
	"GetAvailableProviders":     C.PTYX_GET_AVAILABLE_PROVIDERS,
	"ReleaseAvailableProviders": C.PTYX_RELEASE_AVAILABLE_PROVIDERS,
}

// facts describe a usable library.
type facts struct {
	path      string // as the loader resolved it
	version   string
	providers []string // execution providers compiled in, in ONNX Runtime's order of preference
}

// inspect loads the library of the given path (or, for a name without a slash, by the system's search) and refuses it
// if the wrapper cannot use it. It unloads a refused library. An accepted one stays loaded until the process ends,
// because it is not made to be unloaded and loaded again.
func inspect(name string) (facts, error) {
	if err := silenceTelemetry(); err != nil {
		return facts{}, err
	}
	handle, err := openShared(name)
	if err != nil {
		return facts{}, err
	}
	f, err := inspectHandle(handle)
	if err != nil {
		C.dlclose(handle)
		return facts{}, err
	}
	if f.path == "" {
		f.path = name
	}
	return f, nil
}

// silenceTelemetry stops ONNX Runtime from reporting to Microsoft. Builds since 1.30 start a reporter with the library,
// before any call could turn it off: it writes session files into the temporary directory and uploads them. They obey
// this variable if it is set before the library is opened; os.Setenv sets it in the C environment too.
func silenceTelemetry() error { return os.Setenv("ORT_DISABLE_TELEMETRY", "1") }

func inspectHandle(handle unsafe.Pointer) (facts, error) {
	base := C.ptyx_base(handle)
	if base == nil {
		return facts{}, errors.New("the file is not ONNX Runtime: it has no function OrtGetApiBase")
	}
	f := facts{version: C.GoString(C.ptyx_version(base)), path: C.GoString(C.ptyx_file(handle))}
	if err := checkVersion(f.version); err != nil {
		return f, err
	}
	api := C.ptyx_get_api(base, APIVersion)
	if api == nil {
		return f, fmt.Errorf("version %s does not offer C API %d", f.version, APIVersion)
	}
	var names **C.char
	var count C.int
	if C.ptyx_providers(api, &names, &count) == 0 {
		return f, fmt.Errorf("version %s does not list its execution providers", f.version)
	}
	defer C.ptyx_free_providers(api, names, count)
	for _, name := range unsafe.Slice(names, int(count)) {
		f.providers = append(f.providers, C.GoString(name))
	}
	return f, nil
}

// openShared loads any shared library; the error is the loader's message.
func openShared(name string) (unsafe.Pointer, error) {
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	var fault *C.char
	handle := C.ptyx_open(cName, &fault)
	if handle == nil {
		defer C.free(unsafe.Pointer(fault))
		return nil, errors.New(C.GoString(fault))
	}
	return handle, nil
}

// loads reports whether the system's loader finds a library of this name.
func loads(name string) bool {
	handle, err := openShared(name)
	if err != nil {
		return false
	}
	C.dlclose(handle)
	return true
}
