package reconstruct

import (
	"context"
	"math/cmplx"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/recon/trend"
	"ptyx/stitch"
)

// Agree turns the patches to one phase, stitches them anew, and multiplies the object with its trend. A pattern does
// not determine the global phase of its patch. A network that was trained on the scan has learnt phases that agree
// where the object allows it; a general one has not. Call it after the last Add and before Result. It does nothing for
// networks of several channels. Patches that could not be kept or read leave the object as it is, and Result.Unturned
// is the reason. If patterns could not be kept or read, the object has no trend, and Result.Untrended is the reason.
// The only error is that of ctx.
func (r *Reconstruction) Agree(ctx context.Context) error {
	if r.patchFile == nil {
		return nil
	}
	defer r.Close()
	r.replaceSkipped(ctx)
	patches := map[int][]complex64{} // kept for sigma, turned
	note := func(id int64, turned []complex64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, wanted := r.patches[int(id)]; wanted {
			patches[int(id)] = slices.Clone(turned)
		}
	}
	agreed, err := r.patchFile.Agree(ctx, r.canvas, Optics{r.Contract.Probe, r.scan.Measured}, note)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		r.unturned = err
		return nil
	}
	r.canvas, r.untrended = agreed.Canvas, agreed.Untrended
	for id, patch := range patches {
		if agreed.Trend != nil {
			multiply(patch, agreed.Trend, r.scan.X[id], r.scan.Y[id], r.N)
		}
		r.patches[id] = patch
	}
	return nil
}

// Close gives the disk space of the patches back. The object stays.
func (r *Reconstruction) Close() { r.patchFile.Close() }

// Agreed is an object whose patches have one phase.
type Agreed struct {
	Canvas    *stitch.Canvas
	Trend     *trend.Map // factor of the object, already on the canvas; nil: none
	Untrended error      // why patterns, which show the trend, could not be kept or read
}

// Agree puts all patches on a new canvas, each turned to the phase of its neighbours, and multiplies the object with
// its trend. canvas has the same patches as they were added. The order of Add and See does not matter. note gets each
// turned patch (N, N), without the factor, in any order; nil: nothing does.
func (f *PatchFile) Agree(
	ctx context.Context, canvas *stitch.Canvas, o Optics, note func(id int64, turned []complex64),
) (agreed Agreed, err error) {
	if f.fault != nil {
		return agreed, f.fault
	}
	turns, err := f.agreement(ctx)
	if err != nil {
		return agreed, err
	}
	agreed.Canvas = canvas.Emptied()
	if err := f.refill(ctx, agreed.Canvas, turns, note); err != nil {
		return agreed, err
	}
	agreed.Trend, agreed.Untrended = f.trend(ctx, agreed.Canvas, o)
	if agreed.Trend != nil {
		agreed.Canvas.Multiply(agreed.Trend.At)
	}
	return agreed, ctx.Err()
}

// refill puts all patches into an emptied canvas, turned.
func (f *PatchFile) refill(
	ctx context.Context, next *stitch.Canvas, turns []complex128, note func(id int64, turned []complex64),
) error {
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		g.Go(func() error {
			patch, raw := make([]complex64, f.n*f.n), []byte(nil)
			for at := worker; at < len(f.placed) && ctx.Err() == nil; at += workers {
				var err error
				if raw, err = f.patches.read(at, raw, patch); err != nil {
					return err
				}
				for i, v := range patch {
					patch[i] = v * complex64(turns[at])
				}
				p := f.placed[at]
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
	return g.Wait()
}

const (
	// agreeSweeps is how often each patch is turned to the others. More gain hardly anything
	// (docs/dev/decisions.md).
	agreeSweeps = 6
	// relaxation is how far a patch is turned, relative to the angle to the others. Above 1, errors that reach across
	// many patches vanish in fewer sweeps (D. M. Young, Trans. Am. Math. Soc. 76, 92, 1954).
	relaxation = 1.4
	// ownTrust is how much the phase that the network gave a patch counts, relative to that of a neighbour at the same
	// place. Without it, the errors of many neighbours would add up across a scan whose patches hardly overlap.
	ownTrust = 0.2
)

// agreement is the factor of magnitude 1, for each patch in the order of the file, that turns it to the phase of its
// neighbours. It maximises the sum, over all pairs of patches, of Re conj(a) b, weighted and summed over the pixels
// that both cover (A. Singer, Appl. Comput. Harmon. Anal. 30, 20, 2011), plus ownTrust times that of each patch with
// itself as it was. Coarse patches suffice. Each sweep turns one patch after the other, in the order of their ids,
// towards the sum of the others as they are then.
func (f *PatchFile) agreement(ctx context.Context) (turns []complex128, err error) {
	s, err := f.coarseSum()
	if err != nil {
		return nil, err
	}
	turns = make([]complex128, len(f.placed))
	for i := range turns {
		turns[i] = 1
	}
	for range agreeSweeps {
		for _, at := range s.order {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if turns[at], err = s.settle(at, turns[at]); err != nil {
				return nil, err
			}
		}
	}
	return turns, nil
}

// settle turns a patch, which has been turned before, towards the sum of the others. It returns its new turn.
func (s *coarseSum) settle(at int, before complex128) (after complex128, err error) {
	patch, err := s.read(at)
	if err != nil {
		return before, err
	}
	product, own := complex128(0), 0.0 // of conj(patch) with all, and with itself
	for y := range s.side {
		row := s.row(at, y)
		for x, v := range patch[y*s.side:][:s.side] {
			a, b := float64(real(v)), float64(imag(v))
			c, d := real(row[x]), imag(row[x])
			product += complex(a*c+b*d, a*d-b*c)
			own += a*a + b*b
		}
	}
	towards := product - complex(own, 0)*before + complex(ownTrust*own, 0)
	if towards == 0 {
		return before, nil
	}
	angle := cmplx.Phase(towards * cmplx.Conj(before))
	after = before * cmplx.Rect(1, relaxation*angle)
	s.add(at, patch, after-before)
	return after, nil
}
