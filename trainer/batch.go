package trainer

import (
	"math"
	"math/rand/v2"

	"ptyx/internal/frame"
	"ptyx/internal/ndarray"
	"ptyx/internal/physics"
	"ptyx/models"
)

// Names of a step's batch inputs.
const (
	amplitudeInput = "amplitude" // patterns, raw amplitudes
	shiftYInput    = "shift_y"   // matrices of the subpixel probe shifts, (B, C, N, N)
	shiftXInput    = "shift_x"
	weightInput    = "weight"         // (B, C, 1, 1), summing to 1; 0 for padding of an incomplete batch
	scanInput      = "scan"           // (B*C, P), 1 at the scan that a pattern is of
	litInput       = "lit"            // probe intensity of mean 1, (N, N), or for each pattern where there are several scans
	overlapInput   = "overlap_weight" // probe intensity, likewise
	placeYInput    = "place_y"        // (B, 1, N, K), where each patch lies on its group's canvas
	placeXInput    = "place_x"
)

// batchArrays are the arrays of the batch inputs of a Step.
type batchArrays struct {
	config                            StepConfig
	amplitude, shiftY, shiftX, weight *ndarray.Float32
	scan                              *ndarray.Float32 // nil for a single scan
	lit                               *ndarray.Float32 // nil where smoothness does not count
	overlap, placeY, placeX           *ndarray.Float32 // nil where patches share no canvas

	scanOf []int // of each slot
}

func newBatchArrays(c StepConfig) *batchArrays {
	shape := c.shape()
	b := &batchArrays{
		config:    c,
		amplitude: ndarray.New[float32](shape...),
		shiftY:    ndarray.New[float32](shape...),
		shiftX:    ndarray.New[float32](shape...),
		weight:    ndarray.New[float32](shape[0], shape[1], 1, 1),
		scanOf:    make([]int, c.Samples*c.Group),
	}
	if c.Scans > 1 {
		b.scan = ndarray.New[float32](c.Samples*c.Group, c.Scans)
	}
	if c.Loss.Smoothness > 0 {
		b.lit = ndarray.New[float32](c.weightShape()...)
	}
	if c.Canvas > 0 {
		b.overlap = ndarray.New[float32](c.weightShape()...)
		b.placeY = ndarray.New[float32](shape[0], 1, c.Net.N, c.Canvas)
		b.placeX = ndarray.New[float32](shape[0], 1, c.Net.N, c.Canvas)
	}
	return b
}

type namedArray struct {
	name  string
	array *ndarray.Float32
}

// list is the arrays in the order of the step's inputs.
func (b *batchArrays) list() []namedArray {
	list := []namedArray{
		{amplitudeInput, b.amplitude}, {shiftYInput, b.shiftY}, {shiftXInput, b.shiftX}, {weightInput, b.weight},
	}
	if b.scan != nil {
		list = append(list, namedArray{scanInput, b.scan})
	}
	if b.lit != nil {
		list = append(list, namedArray{litInput, b.lit})
	}
	if b.config.Canvas > 0 {
		list = append(list, namedArray{overlapInput, b.overlap}, namedArray{placeYInput, b.placeY}, namedArray{placeXInput, b.placeX})
	}
	return list
}

// fill loads the given groups, at most as many as the step has samples, each pattern with the given weight. A shorter
// list is padded with its first group at weight 0, so that every step has the same shape and the padding does not count;
// so is an empty one, with group 0.
func (b *batchArrays) fill(d *Data, groups []int, share float32) {
	for s := range b.config.Samples {
		group, weight := 0, float32(0)
		if s < len(groups) {
			group, weight = groups[s], share
		} else if len(groups) > 0 {
			group = groups[0]
		}
		members := d.Groups[group]
		for c, pattern := range members {
			slot := s*b.config.Group + c
			b.weight.Data[slot] = weight
			b.fillPattern(d, slot, pattern)
			if b.config.Canvas > 0 {
				b.place(b.placeY, slot, d.Y, members, c)
				b.place(b.placeX, slot, d.X, members, c)
			}
		}
	}
}

func (b *batchArrays) fillPattern(d *Data, slot, pattern int) {
	n := b.config.Net.N
	image := func(a *ndarray.Float32, i int) []float32 { return a.Data[i*n*n : (i+1)*n*n] }
	copy(image(b.amplitude, slot), image(d.Patterns, pattern))
	physics.ShiftMatrixInto(image(b.shiftY, slot), frame.Fraction(d.Y[pattern]), n)
	physics.ShiftMatrixInto(image(b.shiftX, slot), frame.Fraction(d.X[pattern]), n)
	b.scanOf[slot] = d.Scan[pattern]
	if b.scan != nil {
		row := b.scan.Data[slot*b.config.Scans : (slot+1)*b.config.Scans]
		clear(row)
		row[d.Scan[pattern]] = 1
	}
}

// place writes the 0/1 matrix (N, K) that puts member c of a group on the canvas along one axis.
func (b *batchArrays) place(matrices *ndarray.Float32, slot int, positions []float64, members []int, c int) {
	n, k := b.config.Net.N, b.config.Canvas
	matrix := matrices.Data[slot*n*k : (slot+1)*n*k]
	clear(matrix)
	low, _ := pixelRange(positions, members)
	offset := frame.Pixel(positions[members[c]]) - low
	for r := range n {
		matrix[r*k+r+offset] = 1
	}
}

// pixelRange is the lowest and highest whole pixel of some positions.
func pixelRange(positions []float64, members []int) (low, high int) {
	low, high = math.MaxInt, math.MinInt
	for _, m := range members {
		p := frame.Pixel(positions[m])
		low, high = min(low, p), max(high, p)
	}
	return low, high
}

// weigh sets the weights that follow from the probes' intensities, after fill. They are constants of the step: nothing is
// differentiated through them.
func (b *batchArrays) weigh(re, im *ndarray.Float32) {
	if b.overlap != nil {
		b.each(b.overlap, re, im, weighOverlap)
	}
	if b.lit != nil {
		b.each(b.lit, re, im, b.weighLight)
	}
}

// each makes weights (N, N) of a single probe, or of the probe of each pattern's scan.
func (b *batchArrays) each(weights, re, im *ndarray.Float32, make func(weights, re, im []float32)) {
	if b.scan == nil {
		make(weights.Data, re.Data, im.Data)
		return
	}
	image := b.config.Net.N * b.config.Net.N
	part := func(a *ndarray.Float32, i int) []float32 { return a.Data[i*image : (i+1)*image] }
	done := map[int]int{} // slot that has the weights of a scan
	for slot, scan := range b.scanOf {
		if other, ok := done[scan]; ok {
			copy(part(weights, slot), part(weights, other))
			continue
		}
		make(part(weights, slot), part(re, scan), part(im, scan))
		done[scan] = slot
	}
}

// weighOverlap makes the weights of patches that overlap, largest 1. A small floor lets the rim of a patch, where the probe
// is dark, still take part.
func weighOverlap(weights, re, im []float32) {
	top := float32(0)
	for i := range weights {
		weights[i] = re[i]*re[i] + im[i]*im[i]
		top = max(top, weights[i])
	}
	for i := range weights {
		weights[i] = weights[i]/top + overlapRim
	}
}

// overlapRim is the weight of a dark pixel against the probe's brightest.
const overlapRim = 1e-3

// weighLight makes the light on each pixel, of mean 1. The border of the extent, across which the network steps down to
// nothing, is dark.
func (b *batchArrays) weighLight(weights, re, im []float32) {
	n, first, last := b.config.Net.N, 0, b.config.Net.N
	if b.config.Net.Extent == models.Centre {
		first, last = n/4, n-n/4-1
	}
	sum := 0.0
	for r := first; r < last; r++ {
		for c := first; c < last; c++ {
			i := r*n + c
			weights[i] = re[i]*re[i] + im[i]*im[i]
			sum += float64(weights[i])
		}
	}
	for i := range weights {
		weights[i] *= float32(float64(n*n) / sum)
	}
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
