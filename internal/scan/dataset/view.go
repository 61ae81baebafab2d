package dataset

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
)

// View says how to look at a file's arrays: which part of the detector, which way the axes of the scan point, and what
// the file does not state itself. The zero value takes everything as it is.
type View struct {
	Library string `yaml:"hdf5,omitempty"` // the HDF5 library, for files that need it; empty: searched

	// Where arrays are, if not where the file's layout has them. FILE may have :PATH behind it; an empty FILE is the
	// scan's own.
	Patterns      string      `yaml:"patterns,omitempty"`       // path in the scan's file
	PositionsFile string      `yaml:"positions_file,omitempty"` // FILE; its PATH is an array of points or a group
	X             string      `yaml:"x,omitempty"`              // name, path or column of the positions' columns
	Y             string      `yaml:"y,omitempty"`              // and of their rows
	Unit          source.Unit `yaml:"unit,omitempty"`           // of the positions; empty: as the file states it

	Raster source.Raster `yaml:"raster,omitempty"`  // positions are a grid; zero: as the file has them
	StepNM float64       `yaml:"step_nm,omitempty"` // of the grid, in nanometres

	Mask        string `yaml:"mask,omitempty"`         // FILE
	FollowLinks string `yaml:"follow_links,omitempty"` // folder that files may link into, besides their own

	Crop Crop `yaml:"crop,omitempty"` // part of the detector
	Bin  int  `yaml:"bin,omitempty"`  // detector pixels that become one, each way; 0 and 1: none

	SwapXY bool `yaml:"swap_xy,omitempty"` // exchange columns and rows of the positions, before they are flipped
	FlipX  bool `yaml:"flip_x,omitempty"`  // mirror the positions' columns
	FlipY  bool `yaml:"flip_y,omitempty"`
	// turns the positions in degrees, from the columns towards the rows, before all else
	RotationDeg float64 `yaml:"rotation_deg,omitempty"`
	// the positions are where the sample was; nil: as the format has it
	SampleMotion *bool `yaml:"sample_motion,omitempty"`

	EnergyEV        float64 `yaml:"energy_ev,omitempty"`
	Electrons       bool    `yaml:"electrons,omitempty"` // EnergyEV is that of electrons
	DistanceM       float64 `yaml:"distance_m,omitempty"`
	DetectorPixelUM float64 `yaml:"detector_pixel_um,omitempty"`
	PixelSizeNM     float64 `yaml:"pixel_size_nm,omitempty"` // of the object
}

// Relocate gives the files that a view names their names as seen from another directory. rename keeps an empty name,
// and :PATH, which is in the scan's own file.
func (v *View) Relocate(rename func(name string) string) {
	for _, name := range v.files() {
		*name = rename(*name)
	}
}

// files are the fields that name a file, FILE[:PATH], or a folder.
func (v *View) files() []*string { return []*string{&v.PositionsFile, &v.Mask, &v.FollowLinks} }

// check refuses values that fit no file.
func (v View) check() error {
	if v.Bin < 0 {
		return &badinput.Error{Key: "--bin", Found: fmt.Sprint(v.Bin), Expected: "1 or more"}
	}
	for _, f := range []struct {
		flag  string
		value float64
	}{
		{"--energy-ev", v.EnergyEV}, {"--distance-m", v.DistanceM}, {"--detector-pixel-um", v.DetectorPixelUM},
		{"--pixel-size-nm", v.PixelSizeNM}, {"--step-nm", v.StepNM},
	} {
		if !(f.value >= 0 && f.value <= math.MaxFloat32) {
			return &badinput.Error{Key: f.flag, Found: fmt.Sprint(f.value), Expected: "a positive number"}
		}
	}
	if !(math.Abs(v.RotationDeg) <= 360) { // in accept form: NaN fails
		return &badinput.Error{Key: "--rotation-deg", Found: fmt.Sprint(v.RotationDeg), Expected: "-360 to 360"}
	}
	return nil
}

// Crop is a square part of the detector. The zero value is all of it.
type Crop struct {
	Auto     bool // the part that holds the light, found when the scan is opened; the other fields are 0
	Size     int  // pixels, before they are binned
	Centred  bool // around the middle [H/2, W/2]; else around Row, Col
	Row, Col int  // the pixel that gets zero frequency
}

// autoCrop is the text form of an automatic crop.
const autoCrop = "auto"

// String is the text form: empty, "auto", "128" or "128@300,412".
func (c Crop) String() string {
	switch {
	case c.Auto:
		return autoCrop
	case c.Size == 0:
		return ""
	case c.Centred:
		return strconv.Itoa(c.Size)
	}
	return fmt.Sprintf("%d@%d,%d", c.Size, c.Row, c.Col)
}

// MarshalText writes the text form.
func (c Crop) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// IsZero reports whether there is nothing to crop.
func (c Crop) IsZero() bool { return c == Crop{} }

// UnmarshalText reads the text form.
func (c *Crop) UnmarshalText(text []byte) error {
	if string(text) == autoCrop {
		*c = Crop{Auto: true}
		return nil
	}
	size, centre, given := strings.Cut(string(text), "@")
	n, err := strconv.Atoi(size)
	crop := Crop{Size: n, Centred: !given}
	if given {
		row, col, _ := strings.Cut(centre, ",")
		var errRow, errCol error
		crop.Row, errRow = strconv.Atoi(strings.TrimSpace(row))
		crop.Col, errCol = strconv.Atoi(strings.TrimSpace(col))
		err = errors.Join(err, errRow, errCol)
	}
	if err != nil || n < 1 {
		return fmt.Errorf("%q is neither auto, nor a size such as 128, nor size@row,column such as 128@300,412", text)
	}
	*c = crop
	return nil
}
