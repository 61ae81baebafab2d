package source

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// npyArray is a .npy file: patterns if it has three axes or more. Any other array is one that a flag asks for.
var npyArray = layout{
	name:      "NumPy array",
	recognise: func(r *reader) bool { return r.isNPZ() && r.alone() == npz.Single },
	read: func(r *reader) {
		_, a := r.find(npz.Single)
		if a == nil {
			return
		}
		h, err := a.Header()
		r.keep(err)
		if err == nil && len(h.Shape) >= 3 && h.Real() && ndarray.Size(h.Shape) > 0 {
			r.members[Patterns] = member{place: npz.Single, array: r.asPatterns(a)}
		}
	},
}

// alone is the name of the file's only array; empty if it has another number of them.
func (r *reader) alone() string {
	names, err := r.file.Names()
	r.keep(err)
	if len(names) != 1 {
		return ""
	}
	return names[0]
}
