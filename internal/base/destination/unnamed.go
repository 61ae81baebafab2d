package destination

import (
	"errors"
	"os"
)

// Unnamed opens a new file in a directory and removes its name, so that nothing of it is left when it is closed or the
// process is killed. pattern is that of os.CreateTemp. An empty directory stands for that of temporary files.
func Unnamed(dir, pattern string) (*os.File, error) {
	file, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
