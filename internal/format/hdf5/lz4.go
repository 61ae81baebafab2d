package hdf5

import (
	"encoding/binary"
	"errors"

	"github.com/pierrec/lz4/v4"
)

// errPacked is the error for a chunk that its filter did not write.
var errPacked = errors.New("a chunk that its filter did not write")

// blockHeader is the header of lz4 and bitshuffle: the bytes of the unpacked chunk (u64), and those of one block (u32),
// both big-endian. Each block follows behind its length (u32).
const blockHeader = 12

// readBlockHeader reads the header. It refuses a chunk of more than most bytes.
func readBlockHeader(packed []byte, most int) (size, block int, rest []byte, err error) {
	if len(packed) < blockHeader {
		return 0, 0, nil, errPacked
	}
	total := binary.BigEndian.Uint64(packed)
	if total > uint64(most) {
		return 0, 0, nil, errPacked
	}
	return int(total), int(binary.BigEndian.Uint32(packed[8:])), packed[blockHeader:], nil
}

// nextBlock cuts off a block with its length.
func nextBlock(packed []byte) (block, rest []byte, err error) {
	if len(packed) < 4 {
		return nil, nil, errPacked
	}
	n := binary.BigEndian.Uint32(packed)
	if uint64(n) > uint64(len(packed)-4) {
		return nil, nil, errPacked
	}
	return packed[4 : 4+n], packed[4+n:], nil
}

// unpackLZ4 decodes the filter lz4 into dst, which it may make larger. A block as long as it is unpacked is stored as
// it is.
func unpackLZ4(dst, packed []byte, _ []uint32, most int) ([]byte, error) {
	size, block, packed, err := readBlockHeader(packed, most)
	if err != nil {
		return nil, err
	}
	dst = sized(dst, size)
	for at := 0; at < size; {
		n := min(block, size-at)
		var one []byte
		if one, packed, err = nextBlock(packed); err != nil || n == 0 {
			return nil, errPacked
		}
		if len(one) == n {
			copy(dst[at:], one)
		} else if err := unpackBlock(dst[at:at+n], one); err != nil {
			return nil, err
		}
		at += n
	}
	return dst, nil
}

// unpackBlock decodes one block of LZ4, which must fill dst.
func unpackBlock(dst, packed []byte) error {
	if n, err := lz4.UncompressBlock(packed, dst); err != nil || n != len(dst) {
		return errPacked
	}
	return nil
}

// sized is a slice of size bytes in the memory of dst, if it is large enough. Its bytes are those of before.
func sized(dst []byte, size int) []byte {
	if cap(dst) >= size {
		return dst[:size]
	}
	return make([]byte, size)
}
