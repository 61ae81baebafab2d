package runtime

import (
	"fmt"
	"strconv"
	"strings"
)

// APIVersion is the version of ONNX Runtime's C interface that the Go wrapper is compiled for. A library offers its own
// version and all older ones.
const APIVersion = 24

// MinimumVersion is the oldest release that offers APIVersion.
const MinimumVersion = "1.24.1"

// requiredVersion is the required version, for errors.
const requiredVersion = "version " + MinimumVersion + " or a newer 1.x (C API 24)"

// checkVersion refuses the releases that cannot offer APIVersion, without a call of the library's interface.
func checkVersion(version string) error {
	found, err := parseVersion(version)
	if err != nil {
		return err
	}
	minimum, err := parseVersion(MinimumVersion)
	if err != nil {
		return err
	}
	switch {
	case found[0] > minimum[0]:
		return fmt.Errorf("version %s is too new", version)
	case found[0] < minimum[0], found[1] < minimum[1], found[1] == minimum[1] && found[2] < minimum[2]:
		return fmt.Errorf("version %s is too old", version)
	}
	return nil
}

// parseVersion reads "1.30.0". It ignores a suffix ("1.30.0-dev"); a missing patch number is 0.
func parseVersion(text string) (v [3]int, err error) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 2 {
		return v, fmt.Errorf("version %q is not of the form 1.24.1", text)
	}
	for i, part := range parts {
		digits := len(part) - len(strings.TrimLeft(part, "0123456789"))
		if v[i], err = strconv.Atoi(part[:digits]); err != nil {
			return v, fmt.Errorf("version %q is not of the form 1.24.1", text)
		}
	}
	return v, nil
}
