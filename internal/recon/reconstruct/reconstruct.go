// Package reconstruct turns the patterns of a scan into its object. It cuts the scan into batches, a predict.Predictor
// makes patches of them, a stitch.Canvas merges the patches, and the Result is written with its pictures. A node beside
// the detector runs this package, so it imports no Gorgonia.
package reconstruct

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/grouping"
	"ptyx/stitch"
)

// Options choose the patterns of a scan and the size of batches.
type Options struct {
	Count     int    // groups drawn from the scan; 0: all
	Seed      uint64 // of the draw
	BatchSize int    // samples per batch of the network
	Workers   int    // batches that Run computes at the same time; 0: one
}

// Reconstruction is a scan cut into batches, and the object stitched from the patches of its batches so far. The caller
// runs the network on the batches, in any order. The same Options make the same batches.
type Reconstruction struct {
	Contract contract.Contract // of the network
	Channels int               // C, patterns per sample of the network
	N        int               // size of a pattern and a patch

	scan   *dataset.Scan
	groups [][]int // samples: patterns by their index in the scan
	batch  int     // samples in each batch but the last
	canvas *stitch.Canvas

	patchFile *PatchFile // patches, for Agree; nil for a network of several channels
	unturned  error      // why Agree has left the object as it was
	untrended error      // why the object has no trend

	kept map[int][]float32 // patterns (N, N) for the fit and sigma, nil until they are read

	mu      sync.Mutex
	skipped map[int]error       // patterns whose patch holds a value that no object has
	patches map[int][]complex64 // of the kept patterns, nil until they are stitched; empty without sigma
}

// New cuts a scan into batches for a model. The caller keeps the scan open and closes it. A scan or options that do not
// fit the model are a *badinput.Error.
func New(scan *dataset.Scan, c contract.Contract, opt Options) (*Reconstruction, error) {
	if err := Fits(scan, c); err != nil {
		return nil, err
	}
	if opt.BatchSize < 1 {
		return nil, &badinput.Error{Key: "batch_size", Found: fmt.Sprint(opt.BatchSize), Expected: "1 or more"}
	}
	groups, err := samplesOf(scan, c, opt)
	if err != nil {
		return nil, err
	}
	canvas, err := NewCanvas(c)
	if err == nil {
		err = canvas.Cover(scan.X, scan.Y, nil)
	}
	if err != nil {
		var bad *badinput.Error
		if errors.As(err, &bad) && bad.File == "" && strings.Contains(bad.Key, "coords") {
			bad.File = scan.Path
		}
		return nil, err
	}
	r := &Reconstruction{
		Channels: c.Channels, N: c.N, scan: scan, Contract: c,
		groups: groups, batch: min(opt.BatchSize, len(groups)), canvas: canvas, patchFile: KeepPatches(c, "", 0),
	}
	r.keep()
	return r, nil
}

// Fits refuses a scan whose patterns have another size than the model's.
func Fits(scan *dataset.Scan, c contract.Contract) error {
	if scan.N == c.N {
		return nil
	}
	return &badinput.Error{
		File: scan.Path, Key: "diff3d", Found: fmt.Sprintf("patterns of %d x %d", scan.N, scan.N),
		Expected: fmt.Sprintf("%d x %d, for which the model was trained", c.N, c.N),
		Remedy:   "use a model trained at this size, or crop or bin the patterns",
	}
}

// samplesOf lists the samples: single patterns, or groups of neighbours for a network of several channels.
func samplesOf(scan *dataset.Scan, c contract.Contract, opt Options) ([][]int, error) {
	gridsize := 1
	if c.Channels > 1 {
		gridsize = c.Gridsize
	}
	groups, err := grouping.Of(scan, grouping.Options{Gridsize: gridsize, Seed: opt.Seed})
	if err != nil {
		return nil, err
	}
	groups = grouping.Sample(groups, opt.Count, stream.New(opt.Seed, "reconstruct/sample"))
	if len(groups) == 0 {
		return nil, &badinput.Error{File: scan.Path, Found: "no pattern", Expected: "at least one"}
	}
	return groups, nil
}

// Weights is |P|^2, (N, N): the share of the photons that saw each pixel of a patch. It is 0 outside the object extent,
// where the network predicts nothing. For a general model it is |P|^2 / (|P|^2 + 0.3) with |P|^2 of mean 1: no training
// made its patches agree, so a pixel is better the more patches it is a mean of (docs/dev/decisions.md).
func Weights(c contract.Contract) *ndarray.Float32 {
	if c.General() {
		return soft(light(c), c)
	}
	return light(c)
}

// NewCanvas is an empty canvas for the patches of a model, which covers nothing yet. Its coverage is the light.
func NewCanvas(c contract.Contract) (*stitch.Canvas, error) {
	canvas, err := stitch.NewGrowing(c.N, Weights(c))
	if err == nil && c.General() {
		err = canvas.CountLight(light(c))
	}
	return canvas, err
}

// light is |P|^2, (N, N), 0 outside the object extent.
func light(c contract.Contract) *ndarray.Float32 {
	w := ndarray.New[float32](c.N, c.N)
	margin := 0
	if c.ObjectExtent == "centre" {
		margin = c.N / 4
	}
	for y := margin; y < c.N-margin; y++ {
		for x := margin; x < c.N-margin; x++ {
			p := c.Probe.Data[y*c.N+x]
			w.Data[y*c.N+x] = real(p)*real(p) + imag(p)*imag(p)
		}
	}
	return w
}

// soft changes |P|^2, (N, N), to |P|^2 / (|P|^2 + knee): between 0 and 1, and flat where the probe is bright.
func soft(light *ndarray.Float32, c contract.Contract) *ndarray.Float32 {
	knee := float32(softKnee * optics.Power(c.Probe) / float64(c.N*c.N))
	for i, v := range light.Data {
		light.Data[i] = v / (v + knee)
	}
	return light
}

// softKnee is the intensity of the probe, relative to its mean, at which a pixel has half the weight of the brightest
// ones of a patch.
const softKnee = 0.3

// Batches is the number of batches.
func (r *Reconstruction) Batches() int { return (len(r.groups) + r.batch - 1) / r.batch }

// Samples is the number of samples, of C patterns each, in batch i.
func (r *Reconstruction) Samples(i int) int { return len(r.groupsOf(i)) }

// Size is the number of values in the patterns (B, C, N, N) of batch i, and in its patches.
func (r *Reconstruction) Size(i int) int { return r.Samples(i) * r.Channels * r.N * r.N }

func (r *Reconstruction) groupsOf(i int) [][]int {
	return r.groups[i*r.batch : min((i+1)*r.batch, len(r.groups))]
}

// Offsets writes the subpixel part (x, y) of the positions of batch i, (B, 2); into is nil if the network takes none.
func (r *Reconstruction) Offsets(i int, into *ndarray.Float32) {
	if into == nil {
		return
	}
	offsets := into.Data[:0]
	for _, group := range r.groupsOf(i) {
		offsets = frame.AppendOffset(offsets, r.scan.X[group[0]], r.scan.Y[group[0]])
	}
}

// Add stitches the patches (B, C, N, N) of batch i and, if the network gives it, the logarithm of their variance; else
// it is nil. It skips patches that were stitched before and returns their
// number. Several goroutines may call it, with batches in any order: the object is the same.
func (r *Reconstruction) Add(i int, patches []complex64, logVariance []float32) (repeated int, err error) {
	if want := r.Size(i); len(patches) != want {
		return 0, fmt.Errorf("stitching batch %d: %d values, expected %d", i, len(patches), want)
	}
	image, slot := r.N*r.N, 0
	for _, group := range r.groupsOf(i) {
		for _, id := range group {
			patchID := id // or, where groups share patterns, the patch's number among all
			if r.Channels > 1 {
				patchID = i*r.batch*r.Channels + slot
			}
			patch, variance := patches[slot*image:(slot+1)*image], []float32(nil)
			if logVariance != nil {
				variance = logVariance[slot*image : (slot+1)*image]
			}
			switch err = addTo(r.canvas, patchID, r.scan.X[id], r.scan.Y[id], patch, variance); {
			case err == nil:
				r.notePatch(id, patch)
				r.patchFile.Add(Placed{int64(id), r.scan.X[id], r.scan.Y[id]}, patch)
			case errors.Is(err, stitch.ErrDuplicate):
				repeated++
			case errors.Is(err, stitch.ErrValue):
				r.skip(id, err)
			case err != nil:
				return repeated, fmt.Errorf("stitching pattern %d: %w", id, err)
			}
			slot++
		}
	}
	return repeated, nil
}

// addTo stitches a patch with the logarithm of its variance, nil if there is none.
func addTo(canvas *stitch.Canvas, id int, x, y float64, patch []complex64, logVariance []float32) error {
	if logVariance == nil {
		return canvas.Add(id, x, y, patch)
	}
	return canvas.AddWithVariance(id, x, y, patch, logVariance)
}

// skip notes a pattern whose patch was left out.
func (r *Reconstruction) skip(id int, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.skipped == nil {
		r.skipped = map[int]error{}
	}
	r.skipped[id] = why
}

// checkSkipped refuses a scan of whose patterns more than half had to be left out.
func (r *Reconstruction) checkSkipped() error {
	all := len(r.groups) * r.Channels
	if 2*len(r.skipped) <= all {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(r.skipped)))
	return &badinput.Error{
		File: r.scan.Path, Key: "diff3d",
		Found: fmt.Sprintf("%d of %d patterns whose object is out of range, the first pattern %d", len(r.skipped), all,
			first),
		Expected: "patterns of the kind that the model was trained on", Cause: r.skipped[first],
		Remedy: "look at the scan with ptyx validate; is --input right?",
	}
}

// Result is the object of all batches added so far. provider names the device that computed the patches.
func (r *Reconstruction) Result(provider string) *Result {
	snapshot := r.canvas.Snapshot()
	snapshot.Complete()
	result := fromSnapshot(snapshot, provider, r.Contract.Probe)
	result.Patches, result.Scale = len(r.groups)*r.Channels-len(r.skipped), r.scan.PixelScale
	result.Geometry = r.scan.Geometry
	result.Skipped = slices.Sorted(maps.Keys(r.skipped))
	result.Unturned, result.Untrended = r.unturned, r.untrended
	result.Sigma = r.sigma(result)
	seen := map[int]bool{}
	for _, group := range r.groups {
		for _, id := range group {
			if !seen[id] && r.skipped[id] == nil {
				seen[id] = true
				result.addPattern(int64(id), r.scan.X[id], r.scan.Y[id])
			}
		}
	}
	result.Fit = r.fit(result)
	return result
}
