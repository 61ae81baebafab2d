package scanstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Frames are M frames of a scan as they go to the network.
type Frames struct {
	IDs      []int64   // 0 or more
	X, Y     []float64 // object pixels, finite
	Patterns []float32 // (M, N, N) amplitudes, finite, 0 or more
}

// slice returns frames [from, to); image is N * N.
func (f Frames) slice(from, to, image int) Frames {
	return Frames{f.IDs[from:to], f.X[from:to], f.Y[from:to], f.Patterns[from*image : to*image]}
}

// arrays returns the arrays in the order of a record.
func (f Frames) arrays() []any { return []any{f.IDs, f.X, f.Y, f.Patterns} }

// A record is a head and a body, little-endian.
//
//	head: "PTXF", version uint32, bytes of the body uint64, CRC-32C of the body uint32,
//	      CRC-32C of the 20 bytes before it uint32
//	body: M uint32, N uint32, ids [M]int64, x [M]float64, y [M]float64, patterns [M, N, N]float32
//
// The head has its own checksum, so that its length can be trusted: a file that ends within the body was truncated.
type recordHead struct {
	Magic           [4]byte
	Version         uint32
	Bytes           uint64
	BodySum, OwnSum uint32
}

const (
	headSize    = 24
	bodyHead    = 8
	recordBytes = 4 << 20 // most bytes of a body; one frame may be larger
	maxSide     = 1 << 14 // of a pattern, in pixels
)

var recordMagic = [4]byte{'P', 'T', 'X', 'F'}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// frameSize is the size of a frame in a record.
func frameSize(n int) int64 { return 8 + 8 + 8 + 4*int64(n)*int64(n) }

// recordFrames is the most frames of a record.
func recordFrames(n int) int { return int(max(1, (recordBytes-bodyHead)/frameSize(n))) }

// appendRecord appends a record to b. The frames must fit into one.
func appendRecord(b []byte, f Frames, n int) []byte {
	le := binary.LittleEndian
	start := len(b)
	b = append(b, make([]byte, headSize)...)
	for _, values := range append([]any{uint32(len(f.IDs)), uint32(n)}, f.arrays()...) {
		b, _ = binary.Append(b, le, values) // never fails for numbers
	}
	head, body := b[start:start+headSize], b[start+headSize:]
	h := recordHead{Magic: recordMagic, Version: headVersion, Bytes: uint64(len(body)), BodySum: checksum(body)}
	_, _ = binary.Encode(head, le, h)
	le.PutUint32(head[headSize-4:], checksum(head[:headSize-4]))
	return b
}

// errTruncated is a file that ends within a record.
var errTruncated = errors.New("a truncated record")

// damage is a record that differs from what was written.
type damage string

func (d damage) Error() string { return string(d) }

// readRecord reads the record at the beginning of r, of which left bytes remain. It returns io.EOF at the end,
// errTruncated, a damage, or a reading error.
func readRecord(r io.Reader, left int64, n int) (f Frames, size int64, err error) {
	if left == 0 {
		return f, 0, io.EOF
	}
	if left < headSize {
		return f, 0, errTruncated
	}
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, 0, fmt.Errorf("reading a record: %w", err)
	}
	h, err := parseHead(head[:], n)
	if err != nil {
		return f, 0, err
	}
	if int64(h.Bytes) > left-headSize {
		return f, 0, errTruncated
	}
	body := make([]byte, h.Bytes)
	if _, err := io.ReadFull(r, body); err != nil {
		return f, 0, fmt.Errorf("reading a record: %w", err)
	}
	if checksum(body) != h.BodySum {
		return f, 0, damage("frames with a wrong checksum")
	}
	f, err = parseBody(body, n)
	return f, headSize + int64(h.Bytes), err
}

// parseHead checks a head, so that memory for its body may be allocated.
func parseHead(head []byte, n int) (h recordHead, err error) {
	_, _ = binary.Decode(head, binary.LittleEndian, &h) // the length is right
	switch {
	case h.Magic != recordMagic:
		return h, damage("bytes that begin no record")
	case h.OwnSum != checksum(head[:headSize-4]):
		return h, damage("a head of a record with a wrong checksum")
	case h.Version != headVersion:
		return h, damage(fmt.Sprintf("a record of version %d", h.Version))
	case h.Bytes < bodyHead || h.Bytes > bodyHead+uint64(recordFrames(n))*uint64(frameSize(n)):
		return h, damage(fmt.Sprintf("a record of %d bytes", h.Bytes))
	}
	return h, nil
}

// parseBody checks the values, too: a right checksum does not say who wrote them.
func parseBody(body []byte, n int) (f Frames, err error) {
	le := binary.LittleEndian
	frames := int64(le.Uint32(body))
	if side := le.Uint32(body[4:]); int64(side) != int64(n) || frames < 1 ||
		int64(len(body)) != bodyHead+frames*frameSize(n) {
		return f, damage(fmt.Sprintf("%d bytes for %d patterns of %d pixels", len(body), frames, side))
	}
	f = Frames{
		IDs: make([]int64, frames), X: make([]float64, frames), Y: make([]float64, frames),
		Patterns: make([]float32, frames*int64(n)*int64(n)),
	}
	body = body[bodyHead:]
	for _, values := range f.arrays() {
		size, err := binary.Decode(body, le, values)
		if err != nil {
			return f, damage(err.Error())
		}
		body = body[size:]
	}
	for i, id := range f.IDs {
		if id < 0 || !(math.Abs(f.X[i]) <= math.MaxFloat64) || !(math.Abs(f.Y[i]) <= math.MaxFloat64) {
			return f, damage(fmt.Sprintf("frame %d at (%v, %v)", id, f.X[i], f.Y[i]))
		}
	}
	for _, v := range f.Patterns {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return f, damage(fmt.Sprintf("an amplitude of %v", v))
		}
	}
	return f, nil
}
