package scanstore

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
)

// FuzzJournal: any bytes give records that encode to the same bytes, of valid frames, and then the end or an error.
func FuzzJournal(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	whole := appendRecord(appendRecord(nil, some(rng, 2, side), side), some(rng, 1, side), side)
	f.Add(whole, false)
	f.Add(whole[:len(whole)-5], false)
	f.Add(appendRecord(nil, some(rng, 1, side+1), side+1), false)
	negative := some(rng, 1, side)
	negative.Patterns[3] = -1
	f.Add(appendRecord(nil, negative, side), false)
	f.Add(whole[headSize:], true)
	f.Add([]byte("PTXF"), false)
	f.Fuzz(func(t *testing.T, data []byte, body bool) {
		if body { // past the checksums, which no fuzzer guesses
			if len(data) >= bodyHead {
				frames, err := parseBody(data, side)
				check(t, data, frames, err, bodyHead)
			}
			return
		}
		for at := 0; ; {
			frames, size, err := readRecord(bytes.NewReader(data[at:]), int64(len(data)-at), side)
			if errors.Is(err, io.EOF) || errors.Is(err, errTruncated) {
				return
			}
			check(t, data[at:at+int(size)], frames, err, headSize+bodyHead)
			if err != nil {
				return
			}
			at += int(size)
		}
	})
}

// check holds frames to the bytes that they were read from, of which the first are a head.
func check(t *testing.T, data []byte, f Frames, err error, head int) {
	t.Helper()
	if damaged := damage(""); err != nil {
		if !errors.As(err, &damaged) {
			t.Fatal(err)
		}
		return
	}
	again := appendRecord(nil, f, side)
	if len(f.IDs) < 1 || !bytes.Equal(again[headSize+bodyHead:], data[head:]) {
		t.Fatalf("%d frames that are not those of %d bytes", len(f.IDs), len(data))
	}
	for i, id := range f.IDs {
		if id < 0 || !(math.Abs(f.X[i]) <= math.MaxFloat64) || !(math.Abs(f.Y[i]) <= math.MaxFloat64) {
			t.Fatalf("frame %d at (%v, %v)", id, f.X[i], f.Y[i])
		}
	}
	for i, v := range f.Patterns {
		if !(v >= 0 && v <= math.MaxFloat32) {
			t.Fatalf("amplitude %d is %v", i, v)
		}
	}
}
