package evaluate

import (
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
	"ptyx/internal/quality/metrics"
)

// ResolutionFile is the picture of a resolution.
const ResolutionFile = "resolution.png"

// Members of a reconstruction that hold its resolution.
const (
	KeyFRCFrequency = "frc_frequency" // of each ring, cycles per pixel
	KeyFRC          = "frc"           // of the two halves
	KeyFRCHalfBit   = "frc_half_bit"
	KeyFRCExpected  = "frc_expected"   // of all of the data with the truth
	KeyResolution   = "resolution_map" // (H, W), half period in pixels at half a bit; 0: unknown
)

// ResolutionMembers are the members for an object (height, width) whose first pixel is at (row, col) of the frame.
func ResolutionMembers(r *metrics.Resolution, height, width, row, col int) []npz.Member {
	members := []npz.Member{
		{Key: KeyFRCFrequency, Value: r.FRC.Frequency}, {Key: KeyFRC, Value: r.FRC.Correlation},
		{Key: KeyFRCHalfBit, Value: r.FRC.HalfBit}, {Key: KeyFRCExpected, Value: r.Expected},
	}
	if r.Local == nil {
		return members
	}
	placed, local := ndarray.New[float32](height, width), r.Local.HalfPeriod
	for i, v := range local.Data {
		y, x := i/local.Shape[1]+r.Local.Row-row, i%local.Shape[1]+r.Local.Col-col
		if y >= 0 && y < height && x >= 0 && x < width {
			placed.Data[y*width+x] = v
		}
	}
	return append(members, npz.Member{Key: KeyResolution, Value: placed})
}

// DrawResolution draws the curve and the map.
func DrawResolution(path string, r *metrics.Resolution) error {
	rows := [][]render.Cell{{frcChart("Fourier ring correlation of two halves of the scan", "halves", r.FRC,
		render.Curve{Name: "expected of all patterns with the truth", X: r.FRC.Frequency, Y: r.Expected})}}
	if r.Local != nil {
		view := render.View{Row: r.Local.Row, Col: r.Local.Col}
		panel, err := render.MapPanel(r.Local.HalfPeriod, view, "half period at 1/2 bit (pixels)")
		if err != nil {
			return err
		}
		panel.OnlyPositive()
		panel.Title = fmt.Sprintf("local resolution, tiles of %d pixels", r.Local.Tile)
		rows = append(rows, []render.Cell{panel})
	}
	return render.Sheet(path, rows)
}
