//go:build !linux && !darwin

package runtime

func machineCores() Cores { return plainCores() }

func cpuModel() string { return "" }
