package reconstruct

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
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
	n       int
	weights *ndarray.Float32 // (N, N)
	dir     string           // of the file; empty: that of temporary files
	most    int64            // bytes of the file; 0: any number

	mu     sync.Mutex
	file   *os.File
	record []byte   // the patch that is being written
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
	object, next := canvas.Object(), canvas.Emptied() // (H, W)
	top, left := canvas.Origin()
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		g.Go(func() error {
			patch, record := make([]complex64, f.n*f.n), make([]byte, bytesPerValue*f.n*f.n)
			for at := worker; at < len(f.placed) && ctx.Err() == nil; at += workers {
				if err := f.read(at, record, patch); err != nil {
					return err
				}
				p := f.placed[at]
				row, col := frame.Corner(p.X, p.Y, f.n)
				turnTo(object.Data[(row-top)*object.Shape[1]+col-left:], object.Shape[1], patch, f.weights)
				if err := next.Refill(p.X, p.Y, patch); err != nil {
					return err
				}
				if note != nil {
					note(p.ID, patch)
				}
			}
			return ctx.Err()
		})
	}
	return next, g.Wait()
}

// turnTo turns a patch (N, N) to the phase of the object there, whose rows have a stride: by the phase of the weighted
// sum of conj(patch) object.
func turnTo(object []complex64, stride int, patch []complex64, weights *ndarray.Float32) {
	var re, im float64
	n := weights.Shape[0]
	for y := range n {
		line, values, light := object[y*stride:][:n], patch[y*n:][:n], weights.Data[y*n:][:n]
		for x, p := range values {
			a, b := float64(real(p)), float64(imag(p))
			if a*a+b*b > stitch.MaxMagnitude*stitch.MaxMagnitude {
				continue // the canvas shortens it, because the probe is dim there
			}
			w, c, d := float64(light[x]), float64(real(line[x])), float64(imag(line[x]))
			re += w * (a*c + b*d)
			im += w * (a*d - b*c)
		}
	}
	length := math.Hypot(re, im)
	if length == 0 {
		return
	}
	by := complex(float32(re/length), float32(im/length))
	for i, v := range patch {
		patch[i] = v * by
	}
}

// Add keeps the patch (N, N) of a frame. If the disk or the file is full, Agree returns the error. Without a file, it
// does nothing.
func (f *PatchFile) Add(p Placed, patch []complex64) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		return
	}
	f.record = f.record[:0]
	for _, v := range patch {
		f.record = binary.LittleEndian.AppendUint32(f.record, math.Float32bits(real(v)))
		f.record = binary.LittleEndian.AppendUint32(f.record, math.Float32bits(imag(v)))
	}
	if err := f.write(f.record); err != nil {
		f.fault = err
		f.Close()
		return
	}
	f.placed = append(f.placed, p)
}

// bytesPerValue is the size of a value of a patch in the file: real and imaginary part, float32.
const bytesPerValue = 8

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

// read reads a patch (N, N) by way of its record in the file.
func (f *PatchFile) read(at int, record []byte, patch []complex64) error {
	if _, err := f.file.ReadAt(record, int64(at)*int64(len(record))); err != nil {
		return fmt.Errorf("reading patches that were kept on disk: %w", err)
	}
	for i := range patch {
		v := record[bytesPerValue*i:][:bytesPerValue]
		re, im := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:])
		patch[i] = complex(math.Float32frombits(re), math.Float32frombits(im))
	}
	return nil
}

// Close gives the disk space back. Without a file, it does nothing.
func (f *PatchFile) Close() {
	if f != nil && f.file != nil {
		_ = f.file.Close() // it has no name, so nothing of it is left
		f.file = nil
	}
}
