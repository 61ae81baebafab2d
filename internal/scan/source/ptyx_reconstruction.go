package source

import "fmt"

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
			r.flatFacts()
		}
	},
}
