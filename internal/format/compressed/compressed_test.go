package compressed

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// packBitshuffle packs by bitshuffle and LZ4 bit by bit, as the format is defined.
func packBitshuffle(data []byte, element, block int) []byte {
	out := binary.BigEndian.AppendUint64(nil, uint64(len(data)))
	out = binary.BigEndian.AppendUint32(out, uint32(block*element))
	n := len(data) / element
	for ; n >= 8; n = len(data) / element {
		count := min(block, n/8*8)
		shuffled := make([]byte, count*element)
		for e := range count {
			for b := range element {
				for k := range 8 {
					bit := data[e*element+b] >> k & 1
					shuffled[(8*b+k)*count/8+e/8] |= bit << (e % 8)
				}
			}
		}
		packed := make([]byte, lz4.CompressBlockBound(len(shuffled)))
		size, err := lz4.CompressBlock(shuffled, packed, nil)
		if err != nil || size == 0 {
			panic("LZ4 does not pack")
		}
		out = binary.BigEndian.AppendUint32(out, uint32(size))
		out = append(out, packed[:size]...)
		data = data[count*element:]
	}
	return append(out, data...)
}

// TestUnpackBitshuffle unpacks elements and blocks of many sizes.
func TestUnpackBitshuffle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, element := range []int{1, 2, 3, 4, 8, 16} {
		for _, n := range []int{0, 1, 7, 8, 9, 63, 64, 72, 100, 513, 1000} {
			for _, block := range []int{8, 64, 128, 512} {
				data := make([]byte, n*element)
				for i := range data {
					if r.IntN(3) == 0 {
						data[i] = byte(r.IntN(256))
					}
				}
				l := Shuffled{Element: element, Block: block, Compression: ShuffledLZ4}
				got, err := Bitshuffle(nil, packBitshuffle(data, element, block), l, len(data))
				if err != nil || !slices.Equal(got, data) {
					t.Fatalf("%d elements of %d bytes in blocks of %d: %v", n, element, block, err)
				}
			}
		}
	}
}

// most is how many bytes the fuzzed decoders may make.
const most = 1 << 16

// checkMost fails if a decoder made more than it may.
func checkMost(t *testing.T, packed, out []byte, err error) {
	if err == nil && len(out) > most {
		t.Errorf("%d bytes became %d", len(packed), len(out))
	}
}

func FuzzBitshuffle(f *testing.F) {
	f.Add(packBitshuffle(make([]byte, 300), 2, 64), 2, 64, uint32(ShuffledLZ4))
	f.Fuzz(func(t *testing.T, packed []byte, element, block int, compression uint32) {
		out, err := Bitshuffle(nil, packed, Shuffled{element, block, Compression(compression)}, most)
		checkMost(t, packed, out, err)
	})
}

func FuzzLZ4(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x02ab"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		out, err := LZ4(nil, packed, most)
		checkMost(t, packed, out, err)
	})
}

func FuzzZstd(f *testing.F) {
	f.Add([]byte("\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00ab"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		out, err := Zstd(nil, packed, most)
		checkMost(t, packed, out, err)
	})
}
