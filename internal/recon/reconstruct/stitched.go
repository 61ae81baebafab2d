package reconstruct

import (
	"maps"
	"slices"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/stitch"
)

// ofCanvas is what has been stitched so far; of which patches is left to be said.
func ofCanvas(canvas *stitch.Canvas, provider string, probe *ndarray.Complex64) *Result {
	r := &Result{Object: canvas.Object(), Coverage: canvas.Coverage(), Spread: canvas.Spread(), Provider: provider, Probe: probe}
	r.Row, r.Col = canvas.Origin()
	return r
}

// OfFrames is what has been stitched of frames that came one by one, by their ids, as Run makes it of a whole scan. position tells
// where a frame was measured, in object pixels.
func OfFrames[F any](canvas *stitch.Canvas, provider string, probe *ndarray.Complex64, frames map[int64]F, position func(F) (x, y float64)) *Result {
	r := ofCanvas(canvas, provider, probe)
	r.Patches = len(frames)
	for _, id := range slices.Sorted(maps.Keys(frames)) {
		x, y := position(frames[id])
		r.X, r.Y, r.IDs = append(r.X, x), append(r.Y, y), append(r.IDs, id)
	}
	return r
}

// Providers is a Result's Provider where several have computed.
func Providers(names map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
