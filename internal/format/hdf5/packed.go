package hdf5

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"ptyx/internal/format/compressed"
)

// errPacked is the error for a chunk that its filter did not write.
var errPacked = errors.New("a chunk that its filter did not write")

// unpackLZ4 decodes the filter lz4.
func unpackLZ4(dst, packed []byte, _ []uint32, most int) ([]byte, error) {
	return compressed.LZ4(dst, packed, most)
}

// unpackBitshuffle decodes the filter bitshuffle. Its values are its version (two), the size of an element in bytes,
// the elements of a block or 0, and the compression.
func unpackBitshuffle(dst, packed []byte, values []uint32, most int) ([]byte, error) {
	if len(values) < 3 || values[2] > compressed.MostElement {
		return nil, errPacked
	}
	l := compressed.Shuffled{Element: int(values[2])}
	if len(values) > 3 {
		l.Block = int(values[3])
	}
	if len(values) > 4 {
		l.Compression = compressed.Compression(values[4])
	}
	return compressed.Bitshuffle(dst, packed, l, most)
}

// unpackZstd decodes the filter zstd, one frame that states its length.
func unpackZstd(dst, packed []byte, _ []uint32, most int) ([]byte, error) {
	return compressed.Zstd(dst, packed, most)
}

// unpackBzip2 decodes the filter bzip2.
func unpackBzip2(dst, packed []byte, _ []uint32, most int) ([]byte, error) {
	out := bytes.NewBuffer(dst[:0])
	n, err := io.Copy(out, io.LimitReader(bzip2.NewReader(bytes.NewReader(packed)), int64(most)+1))
	if err != nil || n > int64(most) {
		return nil, errPacked
	}
	return out.Bytes(), nil
}
