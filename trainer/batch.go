package trainer

import (
	"math/rand/v2"

	"ptyx/internal/frame"
	"ptyx/internal/ndarray"
	"ptyx/internal/physics"
)

// Data is what a training sees of a scan: patterns and their positions, and the groups that form samples.
type Data struct {
	Patterns *ndarray.Float32 // (K, N, N), amplitudes
	X, Y     []float64        // (K), patch centres in object pixels
	Groups   [][]int          // each C indices into the K patterns
}

// batchArrays are the arrays of the batch inputs of a Step.
type batchArrays struct {
	amplitude, shiftY, shiftX, weight *ndarray.Float32
}

func newBatchArrays(batch, channels, n int) *batchArrays {
	return &batchArrays{
		amplitude: ndarray.New[float32](batch, channels, n, n),
		shiftY:    ndarray.New[float32](batch, channels, n, n),
		shiftX:    ndarray.New[float32](batch, channels, n, n),
		weight:    ndarray.New[float32](batch, channels, 1, 1),
	}
}

func (b *batchArrays) list() []*ndarray.Float32 {
	return []*ndarray.Float32{b.amplitude, b.shiftY, b.shiftX, b.weight}
}

// fill loads the given groups, at most a batch. A shorter list is padded with its first group at weight 0, so that every
// step has the same shape and the padding does not count.
func (b *batchArrays) fill(d *Data, groups []int) {
	batch, channels, n := b.amplitude.Shape[0], b.amplitude.Shape[1], b.amplitude.Shape[2]
	share := float32(1 / float64(len(groups)*channels))
	for s := range batch {
		group, weight := groups[0], float32(0)
		if s < len(groups) {
			group, weight = groups[s], share
		}
		for c, pattern := range d.Groups[group] {
			slot := s*channels + c
			b.weight.Data[slot] = weight
			b.fillPattern(d, slot, pattern, n)
		}
	}
}

func (b *batchArrays) fillPattern(d *Data, slot, pattern, n int) {
	image := func(a *ndarray.Float32, i int) []float32 { return a.Data[i*n*n : (i+1)*n*n] }
	copy(image(b.amplitude, slot), image(d.Patterns, pattern))
	physics.ShiftMatrixInto(image(b.shiftY, slot), frame.Fraction(d.Y[pattern]), n)
	physics.ShiftMatrixInto(image(b.shiftX, slot), frame.Fraction(d.X[pattern]), n)
}

// batches cuts 0..count-1, shuffled by seed and epoch, into batches. The order depends on nothing else, so a resumed
// training sees the same batches.
func batches(count, size int, seed uint64, epoch int) [][]int {
	order := rand.New(rand.NewPCG(seed, 0x707479780100+uint64(epoch))).Perm(count)
	return chunks(order, size)
}

// inOrder cuts 0..count-1 into batches without shuffling, for validation.
func inOrder(count, size int) [][]int {
	order := make([]int, count)
	for i := range order {
		order[i] = i
	}
	return chunks(order, size)
}

func chunks(order []int, size int) [][]int {
	var out [][]int
	for start := 0; start < len(order); start += size {
		out = append(out, order[start:min(start+size, len(order))])
	}
	return out
}
