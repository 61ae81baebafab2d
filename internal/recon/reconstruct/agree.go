package reconstruct

import (
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
	"ptyx/stitch"
)

// agreeRounds is how often the phases of patches are brought into agreement. Correlations of the general network on
// blobs, at steps of 0.4 and 1.4 probe widths: 0.923 and 0.761 without, 0.941 and 0.776 after one round, 0.945 and
// 0.779 after two, 0.946 and 0.779 after three.
const agreeRounds = 2

// Agree turns the global phase of each patch of a general model to that of the object, and stitches the patches anew.
// A pattern does not determine this phase. A network that was trained on the scan has learnt phases that agree; a
// general one has not. Call it after the last Add and before Result. It does nothing for other models. Patches that
// could not be kept or read leave the object as it is, and Result.Unturned says why. The only error is that of ctx.
func (r *Reconstruction) Agree(ctx context.Context) error {
	if r.spare == nil {
		return nil
	}
	defer r.spare.close()
	for range agreeRounds {
		err := r.spare.fault
		if err == nil {
			err = r.turn(ctx)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.unturned = err
			return nil
		}
	}
	return nil
}

// turn stitches all patches anew, each turned to the phase of the object so far.
func (r *Reconstruction) turn(ctx context.Context) error {
	object := r.canvas.Object() // (H, W)
	top, left := r.canvas.Origin()
	weights := Weights(r.Contract) // (N, N)
	next, err := stitch.NewCanvas(r.scan.X, r.scan.Y, r.N, weights)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		g.Go(func() error {
			patch := make([]complex64, r.N*r.N)
			for at := worker; at < len(r.spare.ids) && ctx.Err() == nil; at += workers {
				id := r.spare.ids[at]
				logVariance, err := r.spare.read(at, patch)
				if err != nil {
					return err
				}
				x, y := r.scan.X[id], r.scan.Y[id]
				row, col := frame.Corner(x, y, r.N)
				first := (row-top)*object.Shape[1] + col - left
				turned := turnedTo(patch, object.Data[first:], object.Shape[1], weights.Data, r.N)
				err = addTo(next, id, x, y, turned, logVariance)
				if errors.Is(err, stitch.ErrValue) { // rounding made a value too large that was not before
					turned = patch
					err = addTo(next, id, x, y, turned, logVariance)
				}
				if err != nil {
					return err
				}
				r.notePatch(id, turned)
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	r.canvas = next
	return nil
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

// spare keeps patches in a file without a name, so that a scan of any size needs no memory: the patches (N, N) and,
// if the network gives it, the logarithm of their variance.
type spare struct {
	size     int // of a patch
	variance bool

	mu    sync.Mutex
	file  *os.File
	ids   []int // of the patterns, in the order of the file
	fault error // why patches could not be kept; none are kept after it
}

// add keeps the patch of a pattern. It does nothing if no patches are kept.
func (s *spare) add(id int, patch []complex64, logVariance []float32) {
	if s == nil {
		return
	}
	raw := make([]byte, 0, s.record())
	for _, v := range patch {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(real(v)))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(imag(v)))
	}
	for _, v := range logVariance {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return
	}
	var err error
	if s.file == nil {
		s.file, err = destination.Unnamed("", ".ptyx-patches-*")
	}
	if err == nil {
		_, err = s.file.WriteAt(raw, int64(len(s.ids))*int64(s.record()))
	}
	if err != nil {
		s.fault = fmt.Errorf("keeping patches in %s, the directory for temporary files: %w", os.TempDir(), err)
		s.close()
		return
	}
	s.ids = append(s.ids, id)
}

// read reads a patch and the logarithm of its variance, nil if there is none.
func (s *spare) read(at int, patch []complex64) (logVariance []float32, err error) {
	raw := make([]byte, s.record())
	if _, err := s.file.ReadAt(raw, int64(at)*int64(len(raw))); err != nil {
		return nil, fmt.Errorf("reading patches that were kept on disk: %w", err)
	}
	float := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) }
	for i := range patch {
		patch[i] = complex(float(2*i), float(2*i+1))
	}
	if s.variance {
		logVariance = make([]float32, s.size)
		for i := range logVariance {
			logVariance[i] = float(2*s.size + i)
		}
	}
	return logVariance, nil
}

// record is the number of bytes of a patch in the file.
func (s *spare) record() int {
	if s.variance {
		return 12 * s.size
	}
	return 8 * s.size
}

func (s *spare) close() {
	if s.file != nil {
		_ = s.file.Close() // it has no name, so nothing of it is left
	}
}
