package source

import (
	"math"
	"path"
	"strings"
)

// emd is a file of electron microscopy data: EMD 1.0 as py4DSTEM writes it, the older files of py4DSTEM, or EMD of
// NCEM. A group holds data, a raster of patterns (A, B, H, W), and an array for each axis, whose values and units give
// the step of the raster and the calibration of the detector.
var emd = layout{
	name: "EMD",
	recognise: func(r *reader) bool {
		var version float64
		return !r.isNPZ() && (r.has("4DSTEM_experiment") || r.attribute(&version, "/", "version_major")) &&
			r.emdGroup("/", 0) != ""
	},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind, f.Electrons = Counts, true
		group := r.emdGroup("/", 0)
		all, found := r.patterns(path.Join(group, "data"))
		if !found {
			return
		}
		r.members[Patterns] = member{place: all.place, array: all}
		first := 0
		if !r.has(path.Join(group, "dim0")) {
			first = 1
		}
		var steps [4]float64
		var units [4]string
		for axis := range steps {
			steps[axis], units[axis] = r.emdAxis(path.Join(group, "dim"+string(rune('0'+first+axis))))
		}
		f.Raster = Raster{Rows: all.stored[0], Columns: all.stored[1]}
		f.StepY, f.StepX = steps[0]*lengthOf(units[0]), steps[1]*lengthOf(units[1])
		r.emdDetector(steps[2], units[2], all.shape[1], &f.PixelY, &f.DetectorPixelY)
		r.emdDetector(steps[3], units[3], all.shape[2], &f.PixelX, &f.DetectorPixelX)
		if r.err == nil && f.StepX > 0 && f.StepY > 0 {
			r.SetRaster(f.Raster, f.StepX, f.StepY)
		}
	},
}

// emdGroup is the path of the first group that holds patterns, below a group at a depth; empty if there is none.
func (r *reader) emdGroup(group string, depth int) string {
	const deepest, most = 5, 64
	names, is := r.inside(group)
	if !is || depth > deepest {
		return ""
	}
	if r.has(path.Join(group, "dim1")) && r.has(path.Join(group, "data")) {
		if _, nested := r.inside(path.Join(group, "data")); !nested {
			if _, a := r.find(path.Join(group, "data")); a != nil {
				if h, err := a.Header(); err == nil && len(h.Shape) == 4 && h.Real() {
					return group
				}
			}
		}
		return ""
	}
	for _, name := range names[:min(len(names), most)] {
		if found := r.emdGroup(path.Join(group, name), depth+1); found != "" {
			return found
		}
	}
	return ""
}

// emdAxis reads the step and the unit of an axis; 0 if the file states none.
func (r *reader) emdAxis(place string) (step float64, unit string) {
	_, v, _ := r.values(place)
	if r.err != nil || len(v) < 2 {
		return 0, ""
	}
	text, _, err := r.file.attributeText(place, "units")
	r.keep(err)
	return math.Abs(v[len(v)-1]-v[0]) / float64(len(v)-1), strings.NewReplacer("[", "", "]", "", "_", "").Replace(text)
}

// lengthOf is a unit in metres, or 0.
func lengthOf(unit string) float64 {
	scale, _ := scaleOf(lengths, unit)
	return scale
}

// emdDetector turns the step of a detector axis of n pixels into what the geometry knows. A step of the wave's
// frequency gives the object's pixel. A step of the angle is that of a detector pixel at a distance of a metre.
func (r *reader) emdDetector(step float64, unit string, n int, pixel, detector *float64) {
	unit = strings.ReplaceAll(unit, " ", "")
	inverse, is := strings.CutPrefix(unit, "1/")
	if !is {
		inverse, is = strings.CutSuffix(unit, "^-1")
	}
	switch length := lengthOf(inverse); {
	case step == 0:
	case is && length > 0:
		*pixel = length / (step * float64(n))
	case unit == "mrad" || unit == "rad":
		*detector = map[string]float64{"mrad": 1e-3, "rad": 1}[unit] * step
		r.Facts.DistanceM = 1
	}
}
