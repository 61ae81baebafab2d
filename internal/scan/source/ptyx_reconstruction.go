package source

import (
	"fmt"

	"ptyx/internal/base/frame"
)

// ptyxReconstruction is what ptyx infer and ptyx solve write: an NPZ file of an object that begins at pixel origin of
// the scan's frame.
var ptyxReconstruction = layout{
	name: "ptyx reconstruction",
	recognise: func(r *reader) bool {
		return r.isNPZ() && !r.has(Object) && r.has("object") && r.has("origin")
	},
	read: func(r *reader) {
		r.takeAll()
		r.rename(Object, "object")
		r.rename(PositionIndex, Index)
		at, err := r.Int64s("origin")
		const far = 1 << 31
		switch {
		case err != nil:
			r.keep(err)
		case len(at) != 2 || max(at[0], -at[0], at[1], -at[1]) > far:
			r.fail("origin", fmt.Sprint(at), "row and column of the object's first pixel", "")
		default:
			r.Facts.Row, r.Facts.Col = int(at[0]), int(at[1])
			r.pixelScale()
			r.flatFacts()
		}
	},
}

// pixelScale reads how large the pixels of a cropped scan's result are.
func (r *reader) pixelScale() {
	if !r.has(PixelScale) {
		return
	}
	v, err := r.Float64s(PixelScale)
	r.keep(err)
	scale, ok := frame.ScaleOfRows(v)
	if err == nil && !ok {
		r.fail(PixelScale, fmt.Sprint(v), "height and width of a pixel, positive", "")
	}
	r.Facts.PixelScale = scale
}
