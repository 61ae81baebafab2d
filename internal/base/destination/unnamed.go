package destination

import (
	"errors"
	"os"
)

// Prefix is how the names of temporary files begin. A killed process can leave one in its directory.
const Prefix = ".ptyx-"

// Unnamed opens a new file without a name in a directory, so that nothing of it is left when it is closed or the
// process is killed. An empty directory stands for that of temporary files. Where the system cannot do so, the file has
// a name for a moment: Prefix, what it holds, and a number.
func Unnamed(dir, what string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	if file, err := neverNamed(dir); err == nil {
		return file, nil
	}
	file, err := os.CreateTemp(dir, Prefix+what+"-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
