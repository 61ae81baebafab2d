package reconstruct

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/stitch"
)

// agreeRounds is how often the phases of patches are brought into agreement. A third round gains hardly anything
// (docs/dev/decisions.md).
const agreeRounds = 2

// Agree turns the global phase of each patch of a general model to that of the object, and stitches the patches anew.
// A pattern does not determine this phase. A network that was trained on the scan has learnt phases that agree; a
// general one has not. Call it after the last Add and before Result. It does nothing for other models. Patches that
// could not be kept or read leave the object as it is, and Result.Unturned says why. The only error is that of ctx.
func (r *Reconstruction) Agree(ctx context.Context) error {
	if r.patchFile == nil {
		return nil
	}
	defer r.patchFile.Close()
	canvas, err := r.patchFile.Agree(ctx, r.canvas, func(id int64, turned []complex64) { r.notePatch(int(id), turned) })
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		r.unturned = err
	default:
		r.canvas = canvas
	}
	return nil
}

// PatchFile keeps the patches of a general model on disk, so that their phases can be brought into agreement. The file
// has no name, so a scan of any size needs no memory and leaves nothing. Several goroutines may call Add.
type PatchFile struct {
	n        int
	weights  *ndarray.Float32 // (N, N)
	variance bool             // the logarithm of the variance is kept, too
	dir      string           // of the file; empty: that of temporary files
	most     int64            // bytes of the file; 0: any number

	mu     sync.Mutex
	file   *os.File
	placed []Placed // the frames of the patches, in the order of the file
	fault  error    // why patches could not be kept; none are kept after it
}

// KeepPatches keeps patches of a model in a directory, of at most so many bytes; empty stands for the directory of
// temporary files, and 0 for any number. It returns nil, which keeps nothing, if the phases of the model agree.
func KeepPatches(c contract.Contract, dir string, most int64) *PatchFile {
	if !c.General() || c.Channels != 1 {
		return nil
	}
	return &PatchFile{n: c.N, weights: Weights(c), dir: dir, most: most}
}

// Agree is a canvas with all patches, each turned to the phase of the object: at first of that in canvas, which has
// the same patches as they were added. The order of Add does not matter. note gets each turned patch (N, N), in any
// order and several times; nil: nothing does.
func (f *PatchFile) Agree(
	ctx context.Context, canvas *stitch.Canvas, note func(id int64, turned []complex64),
) (*stitch.Canvas, error) {
	for range agreeRounds {
		err := f.fault
		if err == nil {
			canvas, err = f.turn(ctx, canvas, note)
		}
		if err != nil {
			return nil, err
		}
	}
	return canvas, nil
}

// turn stitches all patches anew, each turned to the phase of an object.
func (f *PatchFile) turn(
	ctx context.Context, canvas *stitch.Canvas, note func(id int64, turned []complex64),
) (*stitch.Canvas, error) {
	object := canvas.Object() // (H, W)
	top, left := canvas.Origin()
	next, err := f.canvas()
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		g.Go(func() error {
			patch := make([]complex64, f.n*f.n)
			for at := worker; at < len(f.placed) && ctx.Err() == nil; at += workers {
				p := f.placed[at]
				logVariance, err := f.read(at, patch)
				if err != nil {
					return err
				}
				row, col := frame.Corner(p.X, p.Y, f.n)
				first := (row-top)*object.Shape[1] + col - left
				turned := turnedTo(patch, object.Data[first:], object.Shape[1], f.weights.Data, f.n)
				err = addTo(next, int(p.ID), p.X, p.Y, turned, logVariance)
				if errors.Is(err, stitch.ErrValue) { // rounding made a value too large that was not before
					turned = patch
					err = addTo(next, int(p.ID), p.X, p.Y, turned, logVariance)
				}
				if err != nil {
					return err
				}
				if note != nil {
					note(p.ID, turned)
				}
			}
			return ctx.Err()
		})
	}
	return next, g.Wait()
}

// canvas is an empty one for all patches.
func (f *PatchFile) canvas() (*stitch.Canvas, error) {
	x, y := make([]float64, len(f.placed)), make([]float64, len(f.placed))
	for i, p := range f.placed {
		x[i], y[i] = p.X, p.Y
	}
	return stitch.NewCanvas(x, y, f.n, f.weights)
}

// turnedTo is a patch (N, N) turned to the phase of the object there, whose rows have a stride: by the phase of the
// weighted sum of conj(patch) object.
func turnedTo(patch, object []complex64, stride int, weights []float32, n int) []complex64 {
	var sum complex128
	for y := range n {
		line := object[y*stride:]
		for x := range n {
			i := y*n + x
			if p := patch[i]; real(p)*real(p)+imag(p)*imag(p) > stitch.MaxMagnitude*stitch.MaxMagnitude {
				continue // the canvas shortens it, because the probe is dim there
			}
			sum += complex(float64(weights[i]), 0) * cmplx.Conj(complex128(patch[i])) * complex128(line[x])
		}
	}
	if sum == 0 {
		return patch
	}
	turn, turned := complex64(sum/complex(cmplx.Abs(sum), 0)), make([]complex64, len(patch))
	for i, v := range patch {
		turned[i] = v * turn
	}
	return turned
}

// Add keeps the patch (N, N) of a frame and, if the network gives it, the logarithm of its variance; else it is nil. If
// the disk or the file is full, Agree returns the error. Without a file, it does nothing.
func (f *PatchFile) Add(p Placed, patch []complex64, logVariance []float32) {
	if f == nil {
		return
	}
	raw := make([]byte, 0, 12*len(patch))
	for _, v := range patch {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(real(v)))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(imag(v)))
	}
	for _, v := range logVariance {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		return
	}
	f.variance = logVariance != nil
	if err := f.write(raw); err != nil {
		f.fault = err
		f.Close()
		return
	}
	f.placed = append(f.placed, p)
}

// write appends a patch to the file.
func (f *PatchFile) write(raw []byte) (err error) {
	if size := int64(len(f.placed)+1) * int64(len(raw)); f.most > 0 && size > f.most {
		return fmt.Errorf("keeping patches on disk: the %.3g GB for them are full with %d frames", float64(f.most)/1e9,
			len(f.placed))
	}
	where := cmp.Or(f.dir, os.TempDir()+", the directory for temporary files")
	if f.file == nil {
		if f.dir != "" {
			err = os.MkdirAll(f.dir, 0o755)
		}
		if err == nil {
			f.file, err = destination.Unnamed(f.dir, ".ptyx-patches-*")
		}
	}
	if err == nil {
		_, err = f.file.WriteAt(raw, int64(len(f.placed))*int64(len(raw)))
	}
	if err != nil {
		return fmt.Errorf("keeping patches in %s: %w", where, err)
	}
	return nil
}

// read reads a patch and the logarithm of its variance, nil if there is none.
func (f *PatchFile) read(at int, patch []complex64) (logVariance []float32, err error) {
	size := len(patch)
	record := 8 * size
	if f.variance {
		record = 12 * size
	}
	raw := make([]byte, record)
	if _, err := f.file.ReadAt(raw, int64(at)*int64(record)); err != nil {
		return nil, fmt.Errorf("reading patches that were kept on disk: %w", err)
	}
	float := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) }
	for i := range patch {
		patch[i] = complex(float(2*i), float(2*i+1))
	}
	if f.variance {
		logVariance = make([]float32, size)
		for i := range logVariance {
			logVariance[i] = float(2*size + i)
		}
	}
	return logVariance, nil
}

// Close gives the disk space back. Without a file, it does nothing.
func (f *PatchFile) Close() {
	if f != nil && f.file != nil {
		_ = f.file.Close() // it has no name, so nothing of it is left
		f.file = nil
	}
}
