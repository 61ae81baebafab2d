package simplon

import (
	"encoding/binary"
	"math"
	"regexp"
	"strconv"

	"ptyx/internal/format/compressed"
)

// packing is how the data of an image are compressed.
type packing int

const (
	plain       packing = iota
	bareLZ4             // one block without any header: "lz4<" of version 1
	framedLZ4           // with the header of package compressed: "lz4" of version 2
	shuffledLZ4         // the same with bits shuffled: "bs16-lz4<" of version 1, "bslz4" of version 2
)

// packed are the data of an image.
type packed struct {
	packing   packing
	element   int  // bytes that were shuffled together; only with shuffledLZ4
	bigEndian bool // byte order of the elements
	data      []byte
}

var encoding = regexp.MustCompile(`^(?:bs(8|16|32))?-?(lz4)?([<>])?$`)

// parseEncoding reads the text with which version 1 describes its data.
func parseEncoding(text string, data []byte) (packed, error) {
	m := encoding.FindStringSubmatch(text)
	if m == nil || m[1] != "" && m[2] == "" {
		return packed{}, damaged("data of the encoding %q", text)
	}
	p := packed{bigEndian: m[3] == ">", data: data}
	switch {
	case m[1] != "":
		bits, _ := strconv.Atoi(m[1])
		p.packing, p.element = shuffledLZ4, bits/8
	case m[2] != "":
		p.packing = bareLZ4
	}
	return p, nil
}

// sizes are the bytes of an element of each type.
var sizes = map[string]int{
	"u1": 1, "u2": 2, "u4": 4, "u8": 8, "i1": 1, "i2": 2, "i4": 4, "i8": 8, "f4": 4, "f8": 8,
}

// Unpack writes the image's counts to dst, which holds Height*Width values. It uses the memory of scratch, if that is
// large enough, and returns it for the next call.
func (i *Image) Unpack(dst []float32, scratch []byte) ([]byte, error) {
	size := sizes[i.Type] * i.Height * i.Width
	raw, err := i.packed.unpack(compressed.Sized(scratch, size))
	if err != nil {
		return scratch, damaged("image %d: %w", i.ID, err)
	}
	if len(raw) != size {
		return scratch, damaged("image %d has %d bytes, and %d x %d pixels of type %s need %d",
			i.ID, len(raw), i.Height, i.Width, i.Type, size)
	}
	convert(dst, raw, i.Type, i.packed.bigEndian)
	if i.packed.packing == plain {
		return scratch, nil
	}
	return raw, nil
}

// unpack fills dst, or returns data that are not compressed.
func (p packed) unpack(dst []byte) ([]byte, error) {
	switch p.packing {
	case plain:
		return p.data, nil
	case bareLZ4:
		err := compressed.LZ4Block(dst, p.data)
		if err == nil {
			return dst, nil
		}
		// Some programs that pass images on write the header of HDF5 here.
		if framed, failed := p.framed(dst); failed == nil {
			return framed, nil
		}
		return nil, err
	}
	return p.framed(dst)
}

// framed decodes data behind the header of package compressed. A simulator leaves the header 0: then the image's own
// size and the default size of a block count.
func (p packed) framed(dst []byte) ([]byte, error) {
	h, rest, err := compressed.ReadHeader(p.data, len(dst))
	if err != nil || h.Size != len(dst) && h != (compressed.Header{}) {
		return nil, compressed.ErrPacked
	}
	if p.packing != shuffledLZ4 {
		return dst, compressed.LZ4Blocks(dst, rest, h.Block)
	}
	if p.element < 1 || p.element > compressed.MostElement || h.Block%p.element != 0 {
		return nil, compressed.ErrPacked
	}
	return dst, compressed.BitshuffleBlocks(dst, rest, compressed.Shuffled{
		Element: p.element, Block: h.Block / p.element, Compression: compressed.ShuffledLZ4,
	})
}

// convert turns elements of a type into float32. raw has one for each value of dst.
func convert(dst []float32, raw []byte, dtype string, bigEndian bool) {
	if dtype == "u2" && !bigEndian { // what detectors send
		for i := range dst {
			dst[i] = float32(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		return
	}
	size := sizes[dtype]
	for i := range dst {
		dst[i] = float32(element(raw[size*i:size*(i+1)], dtype[0], bigEndian))
	}
}

// element is one number of a kind: u, i or f.
func element(raw []byte, kind byte, bigEndian bool) float64 {
	var bits uint64
	for k, b := range raw {
		shift := 8 * k
		if bigEndian {
			shift = 8 * (len(raw) - 1 - k)
		}
		bits |= uint64(b) << shift
	}
	unused := 64 - 8*len(raw)
	switch {
	case kind == 'i':
		return float64(int64(bits<<unused) >> unused)
	case kind == 'f' && len(raw) == 4:
		return float64(math.Float32frombits(uint32(bits)))
	case kind == 'f':
		return math.Float64frombits(bits)
	}
	return float64(bits)
}
