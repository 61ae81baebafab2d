package runtime

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func machineCores() Cores {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return plainCores()
	}
	var allowed []int
	for cpu := 0; len(allowed) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			allowed = append(allowed, cpu)
		}
	}
	return linuxCores(os.DirFS("/"), allowed)
}

// cpuModel is the processor's name; empty if the system does not tell it, as on many ARM machines.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
