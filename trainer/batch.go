package trainer

import (
	"math"
	"math/rand/v2"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/models"
)

// Names of a step's batch inputs.
const (
	amplitudeInput = "amplitude" // patterns, raw amplitudes
	shiftYInput    = "shift_y"   // matrices of the subpixel probe shifts, (B, C, N, N)
	shiftXInput    = "shift_x"
	weightInput    = "weight"         // (B, C, 1, 1), summing to 1; 0 for padding of an incomplete batch
	maskInput      = "mask"           // (N, N) of mean 1, 0 where nothing was measured; for each pattern where there are several scans
	scanInput      = "scan"           // (B*C, P), 1 at the scan that a pattern is of
	litInput       = "lit"            // probe intensity of mean 1, (N, N), or for each pattern where there are several scans
	overlapInput   = "overlap_weight" // probe intensity, likewise
	placeYInput    = "place_y"        // (B, 1, N, K), where each patch lies on its group's canvas
	placeXInput    = "place_x"
	truthInput     = "truth_amplitude" // (B, C, N, N), what the patches really are
	truthReInput   = "truth_phase_re"  // the factor exp(i phase)
	truthImInput   = "truth_phase_im"
	shareInput     = "truth_share" // of each pixel in its patch: 0 where the truth is not known
)

// batchArrays are the arrays of the batch inputs of a Step.
type batchArrays struct {
	config                         StepConfig
	amplitude, weight              *ndarray.Float32
	shiftY, shiftX                 *ndarray.Float32 // nil with supervision
	truth, truthRe, truthIm, share *ndarray.Float32 // nil without
	mask                           *ndarray.Float32 // nil where all pixels count
	scan                           *ndarray.Float32 // nil for a single scan
	lit                            *ndarray.Float32 // nil where smoothness does not count
	overlap, placeY, placeX        *ndarray.Float32 // nil where patches share no canvas

	scanOf []int // of each slot
}

func newBatchArrays(c StepConfig) *batchArrays {
	shape := c.shape()
	b := &batchArrays{
		config:    c,
		amplitude: ndarray.New[float32](shape...),
		weight:    ndarray.New[float32](shape[0], shape[1], 1, 1),
		scanOf:    make([]int, c.Samples*c.Group),
	}
	if c.Supervised {
		b.truth, b.truthRe = ndarray.New[float32](shape...), ndarray.New[float32](shape...)
		b.truthIm, b.share = ndarray.New[float32](shape...), ndarray.New[float32](shape...)
	} else {
		b.shiftY, b.shiftX = ndarray.New[float32](shape...), ndarray.New[float32](shape...)
	}
	if c.Masked {
		b.mask = ndarray.New[float32](c.weightShape()...)
	}
	if c.Scans > 1 && c.probed() {
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

// list is the arrays that there are, in the order of the step's inputs.
func (b *batchArrays) list() []namedArray {
	var list []namedArray
	for _, a := range []namedArray{
		{amplitudeInput, b.amplitude}, {shiftYInput, b.shiftY}, {shiftXInput, b.shiftX}, {weightInput, b.weight}, {maskInput, b.mask},
		{scanInput, b.scan}, {litInput, b.lit}, {overlapInput, b.overlap}, {placeYInput, b.placeY}, {placeXInput, b.placeX},
		{truthInput, b.truth}, {truthReInput, b.truthRe}, {truthImInput, b.truthIm}, {shareInput, b.share},
	} {
		if a.array != nil {
			list = append(list, a)
		}
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
	if b.config.Supervised {
		d.patch(pattern, image(b.truth, slot), image(b.truthRe, slot), image(b.truthIm, slot), image(b.share, slot), n)
	} else {
		optics.ShiftMatrixInto(image(b.shiftY, slot), frame.Fraction(d.Y[pattern]), n)
		optics.ShiftMatrixInto(image(b.shiftX, slot), frame.Fraction(d.X[pattern]), n)
	}
	b.scanOf[slot] = d.Scan[pattern]
	if b.mask != nil {
		if b.config.Scans > 1 {
			b.fillMask(image(b.mask, slot), d.masks[d.Scan[pattern]])
		} else {
			b.fillMask(b.mask.Data, d.masks[d.Scan[pattern]])
		}
	}
	if b.scan != nil {
		row := b.scan.Data[slot*b.config.Scans : (slot+1)*b.config.Scans]
		clear(row)
		row[d.Scan[pattern]] = 1
	}
}

// fillMask writes a scan's mask; all pixels of one without count.
func (b *batchArrays) fillMask(into, mask []float32) {
	if copy(into, mask) == 0 {
		for i := range into {
			into[i] = 1
		}
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
	if b.share != nil {
		b.weighTruth(re, im)
	}
}

// each makes weights (N, N) of a single probe, or of the probe of each pattern's scan.
func (b *batchArrays) each(weights, re, im *ndarray.Float32, make func(weights, re, im []float32)) {
	if b.config.Scans <= 1 {
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

// weighTruth shares the error of a patch out among the pixels that are known and within the network's extent, as the
// probe's intensity has it: of what is dark the pattern says nothing. The shares of a patch sum to 1, if it has any.
func (b *batchArrays) weighTruth(re, im *ndarray.Float32) {
	n, margin := b.config.Net.N, 0
	if b.config.Net.Extent == models.Centre {
		margin = n / 4
	}
	light := map[int][]float32{} // of each scan
	for slot, scan := range b.scanOf {
		if light[scan] == nil {
			light[scan] = make([]float32, n*n)
			weighOverlap(light[scan], re.Data[scan*n*n:(scan+1)*n*n], im.Data[scan*n*n:(scan+1)*n*n])
		}
		share, sum := b.share.Data[slot*n*n:(slot+1)*n*n], 0.0
		for i := range share {
			if r, c := i/n, i%n; r < margin || r >= n-margin || c < margin || c >= n-margin {
				share[i] = 0
			}
			share[i] *= light[scan][i]
			sum += float64(share[i])
		}
		if sum > 0 {
			for i := range share {
				share[i] /= float32(sum)
			}
		}
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
