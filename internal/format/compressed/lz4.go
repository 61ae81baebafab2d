// Package compressed decodes what packs the counts of detectors: lz4, bitshuffle and zstd, as the filters of HDF5 and
// the streams of DECTRIS detectors use them. It stands below package hdf5 and the packages that read streams.
//
// All functions are safe for bytes of any origin: they check lengths before they take memory, and fail with
// [ErrPacked].
package compressed

import (
	"encoding/binary"
	"errors"

	"github.com/pierrec/lz4/v4"
)

// ErrPacked is the error for data that their compression did not write.
var ErrPacked = errors.New("data that their compression did not write")

// headerSize is the length of the header of lz4 and bitshuffle: the bytes of the unpacked data (u64), and those of one
// block (u32), both big-endian. Each block follows behind its length (u32).
const headerSize = 12

// Header is the header of lz4 and bitshuffle.
type Header struct {
	Size  int // bytes of the unpacked data
	Block int // bytes of one block; 0: the default of bitshuffle
}

// ReadHeader reads the header and returns what follows. It refuses data of more than most bytes.
func ReadHeader(packed []byte, most int) (h Header, rest []byte, err error) {
	if len(packed) < headerSize {
		return h, nil, ErrPacked
	}
	total := binary.BigEndian.Uint64(packed)
	if total > uint64(most) {
		return h, nil, ErrPacked
	}
	return Header{int(total), int(binary.BigEndian.Uint32(packed[8:]))}, packed[headerSize:], nil
}

// nextBlock cuts off a block with its length.
func nextBlock(packed []byte) (block, rest []byte, err error) {
	if len(packed) < 4 {
		return nil, nil, ErrPacked
	}
	n := binary.BigEndian.Uint32(packed)
	if uint64(n) > uint64(len(packed)-4) {
		return nil, nil, ErrPacked
	}
	return packed[4 : 4+n], packed[4+n:], nil
}

// LZ4 decodes data with a header into dst, which it may make larger. More than most bytes are an error.
func LZ4(dst, packed []byte, most int) ([]byte, error) {
	h, packed, err := ReadHeader(packed, most)
	if err != nil {
		return nil, err
	}
	dst = Sized(dst, h.Size)
	return dst, LZ4Blocks(dst, packed, h.Block)
}

// LZ4Blocks decodes blocks, which must fill dst. A block as long as it is unpacked is stored as it is.
func LZ4Blocks(dst, packed []byte, block int) error {
	for len(dst) > 0 {
		n := min(block, len(dst))
		one, rest, err := nextBlock(packed)
		if err != nil || n == 0 {
			return ErrPacked
		}
		if len(one) == n {
			copy(dst, one)
		} else if err := LZ4Block(dst[:n], one); err != nil {
			return err
		}
		dst, packed = dst[n:], rest
	}
	return nil
}

// LZ4Block decodes one block of LZ4 without any header, which must fill dst.
func LZ4Block(dst, packed []byte) error {
	if n, err := lz4.UncompressBlock(packed, dst); err != nil || n != len(dst) {
		return ErrPacked
	}
	return nil
}

// Sized is a slice of size bytes in the memory of dst, if it is large enough. Its bytes are those of before.
func Sized(dst []byte, size int) []byte {
	if cap(dst) >= size {
		return dst[:size]
	}
	return make([]byte, size)
}
