package runtime

import (
	"fmt"
	"strconv"
	"strings"
)

// The library must offer the C API that onnxruntime_go is compiled for. ONNX Runtime keeps older APIs in newer libraries
// of the same major version, so there is no upper bound within it.
const (
	apiVersion   = 24
	oldestMinor  = 24 // 1.24.1
	oldestPatch  = 1
	majorVersion = 1
)

// Required is the range of versions that can be used, for messages.
const Required = "1.24.1 or newer, below 2"

// checkVersion accepts a version text such as "1.26.0" or "1.27.0-dev".
func checkVersion(version string) error {
	number, _, _ := strings.Cut(version, "-")
	parts := strings.SplitN(number, ".", 3)
	var v [3]int
	for i := range parts {
		n, err := strconv.Atoi(strings.Map(digits, parts[i]))
		if err != nil {
			return fmt.Errorf("its version %q cannot be read; version %s is needed", version, Required)
		}
		v[i] = n
	}
	switch {
	case v[0] > majorVersion:
		return fmt.Errorf("its version %s is too new; version %s is needed", version, Required)
	case v[0] < majorVersion, v[1] < oldestMinor, v[1] == oldestMinor && v[2] < oldestPatch:
		return fmt.Errorf("its version %s is too old; version %s is needed", version, Required)
	}
	return nil
}

func digits(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}
