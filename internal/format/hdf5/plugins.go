package hdf5

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"

	"ptyx/internal/base/bundled"
	"ptyx/internal/base/library"
)

// errNoPlugin is the error for a filter without a plug-in in any of the folders.
var errNoPlugin = errors.New("no plug-in")

// addFilter loads the plug-in of a filter, whose file has the name without extension, and registers it with the
// library. This package loads plug-ins itself: the library searches folders that the environment names for other
// programs, and opens every file of them.
func (l *Library) addFilter(number int32, name string) error {
	if name == "" {
		return errNoPlugin
	}
	inside, err := bundled.Path(bundled.Library(name))
	if err == nil {
		return l.register(number, inside)
	}
	if !errors.Is(err, bundled.ErrNone) {
		return err
	}
	for _, folder := range l.filterFolders() {
		file := filepath.Join(folder, name+extension())
		if _, err := os.Stat(file); err == nil {
			if err := l.register(number, file); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			return nil
		}
	}
	return errNoPlugin
}

// filterFolders are the folders that may hold plug-ins, best first: that of the library, those around the program, and,
// if the library is that of the Python package h5py, that of hdf5plugin beside it.
func (l *Library) filterFolders() []string {
	var folders []string
	real, err := filepath.EvalSymlinks(l.Path)
	beside := err == nil && !strings.HasPrefix(l.Path, "/proc/") // of a library inside the program
	if beside {
		folders = append(folders, filepath.Dir(real))
	}
	for _, p := range library.Folders(library.Executable(), ".") {
		folders = append(folders, filepath.Clean(p.Path))
	}
	if beside {
		for _, up := range []string{"..", "../.."} { // from h5py.libs, or from h5py/.dylibs
			folders = append(folders, filepath.Join(filepath.Dir(real), up, "hdf5plugin", "plugins"))
		}
	}
	return folders
}

// register opens a plug-in and registers its filter, which must have the number.
func (l *Library) register(number int32, file string) error {
	handle, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return err
	}
	address, err := purego.Dlsym(handle, "H5PLget_plugin_info")
	if err != nil {
		return errors.New("no plug-in of HDF5")
	}
	var info func() unsafe.Pointer // H5Z_class2_t, static memory of the plug-in
	purego.RegisterFunc(&info, address)
	if class := info(); class == nil || l.h5Zregister(class) < 0 || l.h5Zfilter_avail(number) <= 0 {
		return fmt.Errorf("a plug-in that does not provide the filter %d", number)
	}
	return nil
}

// extension is that of shared libraries.
func extension() string { return filepath.Ext(libraryName()) }
