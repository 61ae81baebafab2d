package hdf5

import (
	"bytes"
	"compress/bzip2"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdDecoder decodes one frame at a time.
var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
})

// unpackZstd decodes the filter zstd, one frame that states its length.
func unpackZstd(dst, packed []byte, _ []uint32, most int) ([]byte, error) {
	var header zstd.Header
	if header.Decode(packed) != nil || !header.HasFCS || header.FrameContentSize > uint64(most) {
		return nil, errPacked
	}
	dst = sized(dst, int(header.FrameContentSize))
	return dst, unpackFrame(dst, packed)
}

// unpackFrame decodes a frame of Zstandard, which must fill dst.
func unpackFrame(dst, packed []byte) error {
	decoder, err := zstdDecoder()
	if err != nil {
		return err
	}
	var header zstd.Header
	if header.Decode(packed) != nil || !header.HasFCS || header.FrameContentSize != uint64(len(dst)) {
		return errPacked
	}
	out, err := decoder.DecodeAll(packed, dst[:0])
	if err != nil || len(out) != len(dst) {
		return errPacked
	}
	copy(dst, out) // where DecodeAll needed more room on the way
	return nil
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
