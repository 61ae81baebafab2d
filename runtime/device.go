package runtime

import (
	"fmt"
	"strings"
)

// ONNX Runtime's names of the execution providers in use here.
const (
	CPUProvider  = "CPUExecutionProvider"
	CUDAProvider = "CUDAExecutionProvider"
)

// Device is where a session is to run. The zero value is the CPU.
type Device uint8

// The devices.
const (
	CPU  Device = iota
	CUDA        // a CUDA GPU or an error
	Auto        // a CUDA GPU if a session can be created on it, else the CPU
)

var deviceNames = [...]string{CPU: "cpu", CUDA: "cuda", Auto: "auto"}

// String is the name that UnmarshalText reads.
func (d Device) String() string {
	if int(d) < len(deviceNames) {
		return deviceNames[d]
	}
	return fmt.Sprintf("Device(%d)", d)
}

// MarshalText writes the name.
func (d Device) MarshalText() ([]byte, error) {
	if int(d) >= len(deviceNames) {
		return nil, fmt.Errorf("unknown device %d", d)
	}
	return []byte(deviceNames[d]), nil
}

// UnmarshalText reads "cpu", "cuda" or "auto".
func (d *Device) UnmarshalText(text []byte) error {
	for i, name := range deviceNames {
		if string(text) == name {
			*d = Device(i)
			return nil
		}
	}
	return fmt.Errorf("found %q, expected %s", text, strings.Join(deviceNames[:], ", "))
}
