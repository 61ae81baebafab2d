package compressed

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdDecoder decodes one frame at a time.
var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
})

// Zstd decodes one frame of Zstandard that states its length into dst, which it may make larger. More than most bytes
// are an error.
func Zstd(dst, packed []byte, most int) ([]byte, error) {
	var header zstd.Header
	if header.Decode(packed) != nil || !header.HasFCS || header.FrameContentSize > uint64(most) {
		return nil, ErrPacked
	}
	dst = Sized(dst, int(header.FrameContentSize))
	return dst, zstdFrame(dst, packed)
}

// zstdFrame decodes a frame of Zstandard, which must fill dst.
func zstdFrame(dst, packed []byte) error {
	decoder, err := zstdDecoder()
	if err != nil {
		return err
	}
	var header zstd.Header
	if header.Decode(packed) != nil || !header.HasFCS || header.FrameContentSize != uint64(len(dst)) {
		return ErrPacked
	}
	out, err := decoder.DecodeAll(packed, dst[:0])
	if err != nil || len(out) != len(dst) {
		return ErrPacked
	}
	copy(dst, out) // where DecodeAll needed more room on the way
	return nil
}
