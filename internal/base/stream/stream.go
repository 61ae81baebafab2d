// Package stream names the streams of random numbers. Every draw of the program comes from a stream, so that two draws
// under one seed share no numbers.
package stream

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// New returns the stream of a name under a seed. The indices separate streams of one name, such as the epochs of a
// training or the patterns of a scan. The name is that of the draw, with its package: "grouping/group".
//
// Go's PCG walks one sequence of period 2^128, wherever it starts. New takes the start from a SHA-256 of all arguments:
// streams of neighbouring seeds or indices start far apart.
func New(seed uint64, name string, indices ...int) *rand.Rand {
	text := binary.LittleEndian.AppendUint64(nil, seed)
	text = binary.LittleEndian.AppendUint64(text, uint64(len(name)))
	text = append(text, name...)
	for _, i := range indices {
		text = binary.LittleEndian.AppendUint64(text, uint64(i))
	}
	sum := sha256.Sum256(text)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])))
}
