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

// part are frames [from, to) of patterns of so many pixels.
func (f Frames) part(from, to, image int) Frames {
	return Frames{f.IDs[from:to], f.X[from:to], f.Y[from:to], f.Patterns[from*image : to*image]}
}

// A record is a head and a body, numbers with the lowest byte first.
//
//	head: "PTXF", version uint32, bytes of the body uint64, CRC-32C of the body uint32, CRC-32C of the 20 bytes before it uint32
//	body: M uint32, N uint32, ids [M]int64, x [M]float64, y [M]float64, patterns [M, N, N]float32
//
// The head has a sum of its own, so that a length is believed before the body is read: a file that ends within the body was cut short.
const (
	recordMagic = "PTXF"
	headSize    = 24
	bodyHead    = 8
	// recordBytes is what the body of a record takes, at most; a larger one holds a single frame.
	recordBytes = 4 << 20
	// maxSide is of a pattern that anybody measures.
	maxSide = 1 << 14
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameSize is what a frame takes in a record.
func frameSize(n int) int64 { return 8 + 8 + 8 + 4*int64(n)*int64(n) }

// recordFrames is how many frames a record holds, at most.
func recordFrames(n int) int { return int(max(1, (recordBytes-bodyHead)/frameSize(n))) }

// appendRecord writes frames, as many as one record may hold, behind what is in b.
func appendRecord(b []byte, f Frames, n int) []byte {
	le := binary.LittleEndian
	start := len(b)
	b = append(b, make([]byte, headSize)...)
	b = le.AppendUint32(b, uint32(len(f.IDs)))
	b = le.AppendUint32(b, uint32(n))
	for _, values := range []any{f.IDs, f.X, f.Y, f.Patterns} {
		b, _ = binary.Append(b, le, values) // slices of numbers never fail
	}
	head, body := b[start:start+headSize], b[start+headSize:]
	copy(head, recordMagic)
	le.PutUint32(head[4:], headVersion)
	le.PutUint64(head[8:], uint64(len(body)))
	le.PutUint32(head[16:], crc32.Checksum(body, castagnoli))
	le.PutUint32(head[20:], crc32.Checksum(head[:20], castagnoli))
	return b
}

// errCut is a file that ends within a record.
var errCut = errors.New("a record that was cut short")

// damage is a record that is not what was written.
type damage string

func (d damage) Error() string { return string(d) }

// readRecord reads the record that r begins with, of left bytes at most. It returns io.EOF at the end, errCut, a damage, or an error of reading.
func readRecord(r io.Reader, left int64, n int) (f Frames, size int64, err error) {
	if left == 0 {
		return f, 0, io.EOF
	}
	if left < headSize {
		return f, 0, errCut
	}
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, 0, fmt.Errorf("reading a record: %w", err)
	}
	length, sum, err := parseHead(head, n)
	if err != nil {
		return f, 0, err
	}
	if length > left-headSize {
		return f, 0, errCut
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return f, 0, fmt.Errorf("reading a record: %w", err)
	}
	if crc32.Checksum(body, castagnoli) != sum {
		return f, 0, damage("frames that do not have the checksum of their record")
	}
	f, err = parseBody(body, n)
	return f, headSize + length, err
}

// parseHead returns the length of the body, which memory can be taken for, and its checksum.
func parseHead(head [headSize]byte, n int) (length int64, sum uint32, err error) {
	le := binary.LittleEndian
	switch {
	case string(head[:4]) != recordMagic:
		return 0, 0, damage("bytes that begin no record")
	case le.Uint32(head[20:]) != crc32.Checksum(head[:20], castagnoli):
		return 0, 0, damage("a head of a record that does not have its own checksum")
	case le.Uint32(head[4:]) != headVersion:
		return 0, 0, damage(fmt.Sprintf("a record of version %d", le.Uint32(head[4:])))
	}
	bytes := le.Uint64(head[8:])
	if bytes < bodyHead || bytes > bodyHead+uint64(recordFrames(n))*uint64(frameSize(n)) {
		return 0, 0, damage(fmt.Sprintf("a record of %d bytes", bytes))
	}
	return int64(bytes), le.Uint32(head[16:]), nil
}

// parseBody takes what is in order and refuses the rest: the bytes are those that were written, but by whom?
func parseBody(body []byte, n int) (f Frames, err error) {
	le := binary.LittleEndian
	frames := int64(le.Uint32(body))
	if side := le.Uint32(body[4:]); int64(side) != int64(n) || frames < 1 || int64(len(body)) != bodyHead+frames*frameSize(n) {
		return f, damage(fmt.Sprintf("%d bytes for %d patterns of %d pixels", len(body), frames, side))
	}
	f = Frames{IDs: make([]int64, frames), X: make([]float64, frames), Y: make([]float64, frames), Patterns: make([]float32, frames*int64(n)*int64(n))}
	rest := body[bodyHead:]
	for _, values := range []any{f.IDs, f.X, f.Y, f.Patterns} {
		size, err := binary.Decode(rest, le, values)
		if err != nil {
			return f, damage(err.Error())
		}
		rest = rest[size:]
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
