package source

import (
	"slices"
	"strconv"
)

// velociprobe is a file of positions of the Velociprobe at the Advanced Photon Source: lines of eight whole numbers
// without names, of which column 1 is x and column 2 is y by the laser interferometer, in nanometres, and column 7
// counts the frames. A frame has many lines. The patterns are in the master file of the detector.
var velociprobe = layout{
	name: "Velociprobe",
	recognise: func(r *reader) bool {
		t, is := r.file.(tableFile)
		whole := func(text string) bool { _, err := strconv.ParseInt(text, 10, 64); return err == nil }
		return is && !t.Named() && len(t.Sample()) == 8 && !slices.ContainsFunc(t.Sample(), func(text string) bool {
			return !whole(text)
		}) && r.options.X == "" && r.options.Y == ""
	},
	read: func(r *reader) {
		const x, y, frame = 1, 2, 7
		t := r.file.(tableFile)
		r.Facts.Partial = true
		r.numberFrames(t, frame)
		all, err := t.Columns(x, y)
		r.keep(err)
		if err != nil {
			return
		}
		nanometres := func(values []float64) []float64 {
			for i := range values {
				values[i] *= 1e-9
			}
			return values
		}
		r.metres("1", nanometres(all[0]), nanometres(all[1]))
	},
}
