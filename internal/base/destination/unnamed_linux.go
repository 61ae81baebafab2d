package destination

import (
	"os"

	"golang.org/x/sys/unix"
)

// neverNamed opens a file that never has a name. Some file systems, such as NFS, refuse it.
func neverNamed(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o600)
}
