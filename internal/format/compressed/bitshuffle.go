package compressed

import "encoding/binary"

// Compression is what packs the blocks of bitshuffle.
type Compression uint32

// The compressions, with the numbers that the filter of HDF5 gives them.
const (
	ShuffledOnly Compression = 0 // no header, and blocks without a length
	ShuffledLZ4  Compression = 2
	ShuffledZstd Compression = 3
)

// MostElement is the largest element in bytes; complex values in double precision have 16.
const MostElement = 64

// Shuffled describes data that bitshuffle packed.
type Shuffled struct {
	Element     int // bytes of one
	Block       int // elements of a block; 0: the default. A header replaces it.
	Compression Compression
}

// Bitshuffle decodes data with a header, if the compression has one, into dst, which it may make larger. More than most
// bytes are an error.
func Bitshuffle(dst, packed []byte, l Shuffled, most int) ([]byte, error) {
	if l.Element < 1 || l.Element > MostElement {
		return nil, ErrPacked
	}
	size := len(packed)
	if l.Compression != ShuffledOnly {
		h, rest, err := ReadHeader(packed, most)
		if err != nil {
			return nil, err
		}
		size, packed, l.Block = h.Size, rest, h.Block/l.Element
	}
	if size > most {
		return nil, ErrPacked
	}
	dst = Sized(dst, size)
	return dst, BitshuffleBlocks(dst, packed, l)
}

// BitshuffleBlocks decodes blocks, which must fill dst.
//
// The data are divided into blocks of a multiple of 8 elements, the last one being shorter. Each is packed alone. Up to
// 7 elements at the end are stored as they are.
func BitshuffleBlocks(dst, packed []byte, l Shuffled) error {
	if l.Element < 1 || l.Element > MostElement {
		return ErrPacked
	}
	element, block, size := l.Element, l.Block, len(dst)
	if block == 0 { // the filter's own choice
		const bytes, least = 8192, 128
		block = max(least, bytes/element/8*8)
	}
	unpack := blockDecoder(l.Compression)
	if unpack == nil || size%element != 0 || block < 0 || block%8 != 0 {
		return ErrPacked
	}
	shuffled := make([]byte, min(block, size/element)*element)
	at := 0
	for left := size / element; left >= 8; {
		n := min(block, left/8*8)
		rest, err := unpack(shuffled[:n*element], packed)
		if err != nil {
			return err
		}
		unshuffle(dst[at:at+n*element], shuffled, element)
		packed, at, left = rest, at+n*element, left-n
	}
	if len(packed) != size-at {
		return ErrPacked
	}
	copy(dst[at:], packed)
	return nil
}

// blockDecoder fills dst with the next block of packed and returns what follows; nil for an unknown compression.
func blockDecoder(c Compression) func(dst, packed []byte) (rest []byte, err error) {
	switch c {
	case ShuffledOnly:
		return func(dst, packed []byte) ([]byte, error) {
			if len(packed) < len(dst) {
				return nil, ErrPacked
			}
			return packed[copy(dst, packed):], nil
		}
	case ShuffledLZ4:
		return func(dst, packed []byte) ([]byte, error) {
			one, rest, err := nextBlock(packed)
			if err != nil {
				return nil, err
			}
			return rest, LZ4Block(dst, one)
		}
	case ShuffledZstd:
		return func(dst, packed []byte) ([]byte, error) {
			one, rest, err := nextBlock(packed)
			if err != nil {
				return nil, err
			}
			return rest, zstdFrame(dst, one)
		}
	}
	return nil
}

// unshuffle undoes the shuffling of bits of a block, of a multiple of 8 elements. Of n elements, the block has 8 rows
// of n/8 bytes for each byte of an element: row k has bit k of that byte of every element, in order.
func unshuffle(dst, shuffled []byte, element int) {
	clear(dst)
	row := len(dst) / element / 8 // bytes
	for b := range element {
		rows := shuffled[8*b*row : 8*(b+1)*row]
		at := 0
		for ; at+8 <= row; at += 8 {
			unshuffle64(dst[8*at*element+b:], rows[at:], row, element)
		}
		for ; at < row; at++ {
			var bits uint64
			for k := range 8 {
				bits |= uint64(rows[k*row+at]) << (8 * k)
			}
			putBytes(dst[8*at*element+b:], transpose8(bits), element)
		}
	}
}

// unshuffle64 does 64 elements. The higher bits of counts are mostly 0, so there is often nothing to do.
func unshuffle64(dst, rows []byte, row, element int) {
	var words [8]uint64 // of each row
	any := uint64(0)
	for k := range words {
		words[k] = binary.LittleEndian.Uint64(rows[k*row:])
		any |= words[k]
	}
	if any == 0 {
		return
	}
	transposeBytes(&words) // byte t of each row is now word t
	for t, bits := range words {
		if bits != 0 {
			putBytes(dst[8*t*element:], transpose8(bits), element)
		}
	}
}

// transposeBytes transposes a matrix of 8 x 8 bytes: byte t of word k becomes byte k of word t.
func transposeBytes(w *[8]uint64) {
	for _, i := range [4]int{0, 1, 2, 3} {
		t := (w[i]>>32 ^ w[i+4]) & 0x00000000ffffffff
		w[i], w[i+4] = w[i]^t<<32, w[i+4]^t
	}
	for _, i := range [4]int{0, 1, 4, 5} {
		t := (w[i]>>16 ^ w[i+2]) & 0x0000ffff0000ffff
		w[i], w[i+2] = w[i]^t<<16, w[i+2]^t
	}
	for _, i := range [4]int{0, 2, 4, 6} {
		t := (w[i]>>8 ^ w[i+1]) & 0x00ff00ff00ff00ff
		w[i], w[i+1] = w[i]^t<<8, w[i+1]^t
	}
}

// transpose8 transposes a matrix of 8 x 8 bits: bit i of byte k becomes bit k of byte i.
func transpose8(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

// putBytes writes 8 bytes, one every step.
func putBytes(dst []byte, bytes uint64, step int) {
	_ = dst[7*step]
	for i := range 8 {
		dst[i*step] = byte(bytes >> (8 * i))
	}
}
