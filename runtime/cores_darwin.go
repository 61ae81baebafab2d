package runtime

import "golang.org/x/sys/unix"

func machineCores() Cores {
	c := plainCores()
	if n, err := unix.SysctlUint32("hw.physicalcpu"); err == nil {
		c.Physical = int(n)
	}
	return c
}

// cpuModel is the processor's name; empty if the system does not tell it.
func cpuModel() string {
	name, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return ""
	}
	return name
}
