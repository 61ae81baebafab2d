package runtime

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include <stdint.h>

// The first structure of ONNX Runtime's C interface, the same in every version.
typedef struct {
	const void *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
} ptyx_api_base;

typedef const ptyx_api_base *(*ptyx_get_base)(void);

static const char *ptyx_version(void *get_base) { return ((ptyx_get_base)get_base)()->get_version(); }
static int ptyx_has_api(void *get_base, uint32_t version) { return ((ptyx_get_base)get_base)()->get_api(version) != NULL; }
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// probeLibrary opens a shared library just long enough to ask for its version, and checks that it can be used.
func probeLibrary(path string) (version string, err error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(name, C.RTLD_LAZY|C.RTLD_LOCAL)
	if handle == nil {
		return "", errors.New(C.GoString(C.dlerror()))
	}
	// The library stays mapped: ONNX Runtime starts threads and registers destructors that do not survive unloading, and
	// the next opening of the same file is then free.
	symbol := C.CString("OrtGetApiBase")
	defer C.free(unsafe.Pointer(symbol))
	base := C.dlsym(handle, symbol)
	if base == nil {
		return "", fmt.Errorf("it is not ONNX Runtime: it has no OrtGetApiBase")
	}
	version = C.GoString(C.ptyx_version(base))
	if err := checkVersion(version); err != nil {
		return version, err
	}
	if C.ptyx_has_api(base, apiVersion) == 0 {
		return version, fmt.Errorf("its version %s does not offer C API %d; version %s is needed", version, apiVersion, Required)
	}
	return version, nil
}
