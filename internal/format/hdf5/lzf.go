package hdf5

import "errors"

// errLZF is the error for data that lzf did not write.
var errLZF = errors.New("lzf: data that end too early or refer to missing bytes")

// unpackLZFChunk decodes the filter lzf. h5py notes the size of a chunk as its third value.
func unpackLZFChunk(_, packed []byte, values []uint32, most int) ([]byte, error) {
	const growth = 264 / 3 // bytes that a packed byte can become
	size := most
	if len(values) >= 3 && values[2] != 0 {
		size = min(size, int(values[2]))
	}
	return unpackLZF(packed, min(size, growth*len(packed)))
}

// unpackLZF decodes a block of LibLZF, the format of h5py's filter lzf. size is the expected size of the result, in
// bytes.
//
// After a control byte c < 32 follow c + 1 bytes to copy. Any other control byte refers back: its upper three bits are
// the length less 2, continued in the next byte if all are set; its lower five bits and the byte after are the distance
// less 1.
func unpackLZF(packed []byte, size int) ([]byte, error) {
	out := make([]byte, 0, size)
	for at := 0; at < len(packed); {
		control := int(packed[at])
		at++
		if control < 32 {
			if at+control+1 > len(packed) {
				return nil, errLZF
			}
			out = append(out, packed[at:at+control+1]...)
			at += control + 1
			continue
		}
		length := control>>5 + 2
		if control>>5 == 7 {
			if at == len(packed) {
				return nil, errLZF
			}
			length += int(packed[at])
			at++
		}
		if at == len(packed) {
			return nil, errLZF
		}
		from := len(out) - (control&31<<8 | int(packed[at])) - 1
		at++
		if from < 0 {
			return nil, errLZF
		}
		for range length { // byte by byte, because source and destination may overlap
			out = append(out, out[from])
			from++
		}
	}
	return out, nil
}
