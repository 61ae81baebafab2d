//go:build !linux

package destination

import (
	"errors"
	"os"
)

func neverNamed(string) (*os.File, error) { return nil, errors.ErrUnsupported }
