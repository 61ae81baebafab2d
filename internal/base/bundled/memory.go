//go:build bundled

package bundled

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// files are the libraries, and those that they need, which `make dist` puts into the folder.
//
//go:embed files
var files embed.FS

// memory holds the path of each library, once in a process, as the loader opens it once in a process.
var memory struct {
	sync.Mutex
	paths map[Library]string
}

func path(l Library) (string, error) {
	memory.Lock()
	defer memory.Unlock()
	if p, ok := memory.paths[l]; ok {
		return p, nil
	}
	names, err := parts(l)
	if err != nil {
		return "", err
	}
	var p string
	for _, name := range names {
		if p, err = place(name); err != nil {
			return "", err
		}
		// The loader finds a library that the last one needs by its name, if it is loaded already.
		if name != names[len(names)-1] {
			if _, err := purego.Dlopen(p, purego.RTLD_NOW|purego.RTLD_LOCAL); err != nil {
				return "", fmt.Errorf("loading %s, which %s needs: %w", name, l, err)
			}
		}
	}
	if memory.paths == nil {
		memory.paths = map[Library]string{}
	}
	memory.paths[l] = p
	return p, nil
}

// parts are the files of a library in the order of loading: files/libhdf5 holds the libraries that libhdf5 needs, with
// a number before their names, and libhdf5 last.
func parts(l Library) ([]string, error) {
	entries, err := fs.ReadDir(files, "files/"+string(l))
	if err != nil {
		return nil, ErrNone
	}
	var names []string
	for _, e := range entries {
		if strings.Contains(e.Name(), ".so") {
			names = append(names, "files/"+string(l)+"/"+e.Name())
		}
	}
	if names == nil {
		return nil, ErrNone
	}
	slices.Sort(names)
	return names, nil
}

// place copies a file into memory that the loader can open. It does not seal the file: the kernel refuses a seal with
// EBUSY while it moves a page of it, and who may write into an open file of this process may trace the process, too.
func place(name string) (string, error) {
	content, err := files.ReadFile(name)
	if err != nil {
		return "", err
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	fd, err := memfd(base)
	if err != nil {
		return "", fmt.Errorf("making a file in memory for %s: %w", base, err)
	}
	for len(content) > 0 {
		n, err := unix.Write(fd, content)
		if err != nil {
			return "", fmt.Errorf("writing %s into memory: %w", base, err)
		}
		content = content[n:]
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), nil
}

// memfd makes a file of executable memory. Kernels before 6.3 do not know the flag and allow execution without it.
func memfd(name string) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	return fd, err
}
