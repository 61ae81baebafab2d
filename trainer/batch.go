package trainer

import (
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/models"
)

// Names of a step's batch inputs. S samples of C patterns fill S*C slots; see StepConfig.shape for (B, C, N, N).
const (
	amplitudeInput = "amplitude"       // (B, C, N, N), measured amplitudes
	shiftYInput    = "shift_y"         // (B, C, N, N), matrices of the probe's subpixel shifts
	shiftXInput    = "shift_x"         // likewise
	weightInput    = "weight"          // (B, C, 1, 1), weights of the patterns, which sum to about 1; 0 for padding
	maskInput      = "mask"            // weights of detector pixels, of mean 1; 0 where nothing was measured
	scanInput      = "scan"            // (B*C, P), 1 at the pattern's scan
	litInput       = "lit"             // probe intensity, of mean 1
	overlapInput   = "overlap_weight"  // of the pixels of a patch where patches overlap, below 1.001
	placeYInput    = "place_y"         // (B, 1, N, K), where each patch lies on its group's canvas
	placeXInput    = "place_x"         // likewise
	truthInput     = "truth_amplitude" // (B, C, N, N), amplitude of the true patches
	truthReInput   = "truth_phase_re"  // (B, C, N, N), their phase factor exp(i phase)
	truthImInput   = "truth_phase_im"  // likewise
	shareInput     = "truth_share"     // (B, C, N, N), weight of each pixel in its patch; 0 where the truth is unknown
)

// batchInput is an input of a step that changes from batch to batch.
type batchInput struct {
	name   string
	needed bool
	shape  []int
	fill   func(b *batch, slot int, d *Data, group []int, member int) // writes one pattern's part; may be nil
	weigh  func(b *batch, re, im *ndarray.Float32)                    // writes what follows from the probes; may be nil
}

// batchInputs is the table of batch inputs that a step needs, in the order of the step's inputs. Mask, light and
// overlap weights are one (N, N) for all patterns of a single scan, else (B, C, N, N).
func batchInputs(c StepConfig) []batchInput {
	images, perScan := c.shape(), c.weightShape()
	place := []int{images[0], 1, c.Net.N, c.Canvas}
	all := []batchInput{
		{amplitudeInput, true, images, fillAmplitude, nil},
		{shiftYInput, c.needsProbe(), images, fillShifts, nil},
		{shiftXInput, c.needsProbe(), images, nil, nil},
		{weightInput, true, []int{images[0], images[1], 1, 1}, nil, nil},
		{maskInput, c.Masked, perScan, fillMask, nil},
		{scanInput, c.Scans > 1 && c.needsProbe(), []int{c.Samples * c.Group, c.Scans}, fillScan, nil},
		{litInput, c.Loss.needs(litInput), perScan, nil, weighLight},
		{overlapInput, c.Canvas > 0, perScan, nil, weighOverlap},
		{placeYInput, c.Canvas > 0, place, fillPlaces, nil},
		{placeXInput, c.Canvas > 0, place, nil, nil},
		{truthInput, c.Supervised, images, fillTruth, nil},
		{truthReInput, c.Supervised, images, nil, nil},
		{truthImInput, c.Supervised, images, nil, nil},
		{shareInput, c.Supervised, images, nil, weighTruth},
	}
	var needed []batchInput
	for _, in := range all {
		if in.needed {
			needed = append(needed, in)
		}
	}
	return needed
}

// batch holds the arrays of a step's batch inputs.
type batch struct {
	config StepConfig
	inputs []batchInput
	arrays map[string]*ndarray.Float32
	scanOf []int // of each slot
}

func newBatch(c StepConfig) *batch {
	b := &batch{
		config: c, inputs: batchInputs(c), arrays: map[string]*ndarray.Float32{},
		scanOf: make([]int, c.Samples*c.Group),
	}
	for _, in := range b.inputs {
		b.arrays[in.name] = ndarray.New[float32](in.shape...)
	}
	return b
}

// list lists the arrays in the order of the step's inputs.
func (b *batch) list() []*ndarray.Float32 {
	var list []*ndarray.Float32
	for _, in := range b.inputs {
		list = append(list, b.arrays[in.name])
	}
	return list
}

// part is the part of an input that belongs to one slot.
func (b *batch) part(name string, slot int) []float32 {
	data := b.arrays[name].Data
	size := len(data) / len(b.scanOf)
	return data[slot*size : (slot+1)*size]
}

// fill loads the given groups, at most as many as the step has samples, each pattern with the given weight times that
// of its scan. A shorter list is padded with its first group, an empty one with group 0, at weight 0: every step has
// the same shape, and padding does not count.
func (b *batch) fill(d *Data, groups []int, weight float32, ofScan []float32) {
	for sample := range b.config.Samples {
		group, w := 0, float32(0)
		if sample < len(groups) {
			group, w = groups[sample], weight
		} else if len(groups) > 0 {
			group = groups[0]
		}
		members := d.Groups[group]
		for member, pattern := range members {
			slot := sample*b.config.Group + member
			b.scanOf[slot] = d.Scan[pattern]
			b.arrays[weightInput].Data[slot] = w * ofScan[d.Scan[pattern]]
			for _, in := range b.inputs {
				if in.fill != nil {
					in.fill(b, slot, d, members, member)
				}
			}
		}
	}
}

// weigh sets the inputs that follow from the probes' intensities, after fill. They are constants of the step: no
// gradient passes through them.
func (b *batch) weigh(re, im *ndarray.Float32) {
	for _, in := range b.inputs {
		if in.weigh != nil {
			in.weigh(b, re, im)
		}
	}
}

func fillAmplitude(b *batch, slot int, d *Data, group []int, member int) {
	to := b.part(amplitudeInput, slot)
	copy(to, d.Patterns.Data[group[member]*len(to):])
}

func fillShifts(b *batch, slot int, d *Data, group []int, member int) {
	optics.ShiftMatrixInto(b.part(shiftYInput, slot), frame.Fraction(d.Y[group[member]]), b.config.Net.N)
	optics.ShiftMatrixInto(b.part(shiftXInput, slot), frame.Fraction(d.X[group[member]]), b.config.Net.N)
}

// fillMask writes the mask of the pattern's scan; without one all pixels count.
func fillMask(b *batch, slot int, d *Data, group []int, member int) {
	to := b.arrays[maskInput].Data
	if b.config.Scans > 1 {
		to = b.part(maskInput, slot)
	}
	if copy(to, d.masks[d.Scan[group[member]]]) == 0 {
		for i := range to {
			to[i] = 1
		}
	}
}

func fillScan(b *batch, slot int, d *Data, group []int, member int) {
	to := b.part(scanInput, slot)
	clear(to)
	to[d.Scan[group[member]]] = 1
}

func fillPlaces(b *batch, slot int, d *Data, group []int, member int) {
	place(b.part(placeYInput, slot), b.config.Canvas, d.Y, group, member)
	place(b.part(placeXInput, slot), b.config.Canvas, d.X, group, member)
}

// place writes the 0/1 matrix (N, K) that puts a member of a group on the canvas along one axis.
func place(matrix []float32, canvas int, positions []float64, group []int, member int) {
	clear(matrix)
	low, _ := frame.Range(positions, group)
	offset := frame.Pixel(positions[group[member]]) - low
	for r := range len(matrix) / canvas {
		matrix[r*canvas+r+offset] = 1
	}
}

func fillTruth(b *batch, slot int, d *Data, group []int, member int) {
	amplitude, re, im := b.part(truthInput, slot), b.part(truthReInput, slot), b.part(truthImInput, slot)
	d.patch(group[member], amplitude, re, im, b.part(shareInput, slot), b.config.Net.N)
}

// forEachScan writes weights (N, N) that follow from the probe: once for a single scan, else for each pattern's scan.
func (b *batch) forEachScan(name string, re, im *ndarray.Float32, write func(weights, re, im []float32)) {
	if b.config.Scans <= 1 {
		write(b.arrays[name].Data, re.Data, im.Data)
		return
	}
	image := b.config.Net.N * b.config.Net.N
	done := map[int]int{} // slot that has the weights of a scan
	for slot, scan := range b.scanOf {
		if other, ok := done[scan]; ok {
			copy(b.part(name, slot), b.part(name, other))
			continue
		}
		write(b.part(name, slot), re.Data[scan*image:(scan+1)*image], im.Data[scan*image:(scan+1)*image])
		done[scan] = slot
	}
}

func weighOverlap(b *batch, re, im *ndarray.Float32) {
	b.forEachScan(overlapInput, re, im, overlapWeights)
}

const (
	// overlapRim is the weight of a dark pixel: it lets the dark rim of a patch take part.
	overlapRim = 1e-3

	// overlapKnee is the intensity of the probe, relative to its mean, at which a pixel has half of the largest weight.
	// With weights that grow with the intensity alone, a probe with a bright middle lets each pixel follow the nearest
	// pattern, and the object shows the probe (docs/dev/decisions.md).
	overlapKnee = 1
)

// overlapWeights writes I / (I + overlapKnee mean I) + overlapRim of the probe's intensity I.
func overlapWeights(weights, re, im []float32) {
	mean := float32(0)
	intensities(weights, re, im)
	for _, light := range weights {
		mean += light / float32(len(weights))
	}
	for i, light := range weights {
		weights[i] = light/(light+overlapKnee*mean) + overlapRim
	}
}

// truthWeights writes the probe's intensity, of maximum 1, plus overlapRim.
func truthWeights(weights, re, im []float32) {
	intensities(weights, re, im)
	top := slices.Max(weights)
	for i, light := range weights {
		weights[i] = light/top + overlapRim
	}
}

// intensities writes |P|^2.
func intensities(light, re, im []float32) {
	for i := range light {
		light[i] = re[i]*re[i] + im[i]*im[i]
	}
}

// weighLight writes the light on each pixel, of mean 1. The border of the extent is dark: there the network's object
// steps down to nothing.
func weighLight(b *batch, re, im *ndarray.Float32) {
	n, first, last := b.config.Net.N, 0, b.config.Net.N
	if b.config.Net.Extent == models.Centre {
		first, last = n/4, n-n/4-1
	}
	b.forEachScan(litInput, re, im, func(weights, re, im []float32) {
		sum := 0.0
		for r := first; r < last; r++ {
			for i := r*n + first; i < r*n+last; i++ {
				weights[i] = re[i]*re[i] + im[i]*im[i]
				sum += float64(weights[i])
			}
		}
		for i := range weights {
			weights[i] *= float32(float64(n*n) / sum)
		}
	})
}

// weighTruth distributes the weight of a patch over the pixels that are known and inside the network's extent, in
// proportion to the probe's intensity: a pattern says nothing about dark pixels. The weights of a patch sum to 1, if
// any is above 0.
func weighTruth(b *batch, re, im *ndarray.Float32) {
	n, margin := b.config.Net.N, 0
	if b.config.Net.Extent == models.Centre {
		margin = n / 4
	}
	light := map[int][]float32{} // of each scan
	for slot, scan := range b.scanOf {
		if light[scan] == nil {
			light[scan] = make([]float32, n*n)
			truthWeights(light[scan], re.Data[scan*n*n:(scan+1)*n*n], im.Data[scan*n*n:(scan+1)*n*n])
		}
		share, sum := b.part(shareInput, slot), 0.0
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
