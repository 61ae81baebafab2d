package simplon

import (
	"encoding/json"
	"math"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/source"
)

// Kinds of a part of version 1.
const (
	kindHeader = "dheader-1.0"
	kindImage  = "dimage-1.0"
	kindData   = "dimage_d-1.0"
	kindEnd    = "dseries_end-1.0"
)

// part is a part of version 1. Each kind has some of the fields.
type part struct {
	Kind     string  `json:"htype"`
	Series   int64   `json:"series"`
	Detail   string  `json:"header_detail"`
	Frame    int64   `json:"frame"`
	Shape    []int64 `json:"shape"` // width, height
	Type     string  `json:"type"`
	Encoding string  `json:"encoding"`
}

func parsePart(raw []byte) (p part, err error) {
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, damaged("%v", err)
	}
	return p, nil
}

// parseJSON reads one thing from the parts, and returns the parts behind it. behind says that something was found
// before, so that an unknown part is an appendix.
func (p *Parser) parseJSON(parts [][]byte, behind bool) (found []Message, rest [][]byte, err error) {
	head, err := parsePart(parts[0])
	rest = parts[1:]
	if err != nil && !behind {
		return nil, rest, err
	}
	pending := p.header
	p.header = nil
	if pending != nil && head.Kind == "" {
		rest = pending.readDetails(parts)
		return []Message{*pending}, rest, nil
	}
	if pending != nil {
		found = []Message{*pending}
	}
	switch head.Kind {
	case kindHeader:
		start := &Start{Series: Series{ID: head.Series}}
		start.Facts.Kind = source.Counts
		if after := start.readDetails(rest); len(after) < len(rest) || head.Detail == "none" {
			return append(found, *start), after, nil
		}
		p.header = start
	case kindImage:
		image, after, err := readImage(head, rest)
		if err != nil {
			return found, after, err
		}
		return append(found, image), after, nil
	case kindEnd:
		found = append(found, End{Series{ID: head.Series}})
	default:
		if !behind {
			return found, rest, damaged("a part of the kind %q", head.Kind)
		}
	}
	return found, rest, nil
}

// readImage reads what follows the first part of an image: its shape and its data.
func readImage(head part, parts [][]byte) (*Image, [][]byte, error) {
	if len(parts) < 2 {
		return nil, nil, damaged("image %d without its data", head.Frame)
	}
	shape, err := parsePart(parts[0])
	data, rest := parts[1], parts[2:]
	if err != nil {
		return nil, rest, err
	}
	if shape.Kind != kindData || len(shape.Shape) != 2 {
		return nil, rest, damaged("a part of the kind %q and the shape %v, where the shape of image %d is expected",
			shape.Kind, shape.Shape, head.Frame)
	}
	if err := checkID(head.Frame); err != nil {
		return nil, rest, err
	}
	if err := checkSize(shape.Shape[1], shape.Shape[0]); err != nil {
		return nil, rest, err
	}
	dtype, known := map[string]string{
		"uint8": "u1", "uint16": "u2", "uint32": "u4", "int32": "i4", "float32": "f4",
	}[shape.Type]
	if !known {
		return nil, rest, damaged("image %d of the type %q", head.Frame, shape.Type)
	}
	packed, err := parseEncoding(shape.Encoding, data)
	if err != nil {
		return nil, rest, err
	}
	return &Image{
		Series: Series{ID: head.Series}, ID: head.Frame, Height: int(shape.Shape[1]), Width: int(shape.Shape[0]),
		Type: dtype, packed: packed,
	}, rest, nil
}

// configuration is what version 1 states of the detector and the beam.
type configuration struct {
	Images     float64 `json:"nimages"`
	Triggers   float64 `json:"ntrigger"`
	Trigger    string  `json:"trigger_mode"`
	Energy     float64 `json:"photon_energy"`     // eV
	Wavelength float64 `json:"wavelength"`        // ångström
	Distance   float64 `json:"detector_distance"` // metres
	PixelX     float64 `json:"x_pixel_size"`      // metres
	PixelY     float64 `json:"y_pixel_size"`
	BeamX      float64 `json:"beam_center_x"` // pixels
	BeamY      float64 `json:"beam_center_y"`
	Width      float64 `json:"x_pixels_in_detector"`
	Height     float64 `json:"y_pixels_in_detector"`
	Depth      float64 `json:"bit_depth_image"`
	Cutoff     float64 `json:"countrate_correction_count_cutoff"`
	Saturation float64 `json:"saturation_value"`
}

// readDetails takes the configuration and the images of a header from the parts, as far as they are there, and returns
// the parts behind them.
func (s *Start) readDetails(parts [][]byte) (rest [][]byte) {
	configured := false
	for len(parts) > 0 && isJSON(parts[0]) {
		head, err := parsePart(parts[0])
		switch kind, _ := strings.CutPrefix(head.Kind, "d"); {
		case head.Kind == "" && !configured:
			configured = true
			s.configure(parts[0])
		case kind == "pixelmask-1.0" && len(parts) > 1:
			s.readMask(head, parts[1])
			parts = parts[1:]
		case (kind == "flatfield-1.0" || kind == "countrate_table-1.0") && len(parts) > 1:
			parts = parts[1:] // the detector has applied both
		case err == nil && head.Kind == "": // an appendix
		default:
			return parts
		}
		parts = parts[1:]
	}
	return parts
}

// configure notes what a configuration states. A value of another type than expected counts as absent.
func (s *Start) configure(raw []byte) {
	c := configuration{Triggers: 1}
	if err := json.Unmarshal(raw, &c); err != nil {
		s.remark("the header has a value of another type than expected: %v", err)
	}
	f := &s.Facts
	f.EnergyEV, f.DistanceM = positive(c.Energy), positive(c.Distance)
	if f.EnergyEV == 0 && positive(c.Wavelength) > 0 {
		const angstrom = 1e-10
		f.EnergyEV = source.EnergyOf(c.Wavelength * angstrom)
	}
	f.DetectorPixelX, f.DetectorPixelY = positive(c.PixelX), positive(c.PixelY)
	s.beam(c.BeamX, c.BeamY)
	if c.Depth > 0 && c.Depth <= 64 {
		s.limit(math.Exp2(c.Depth) - 1) // marks pixels of the mask
	}
	s.limit(c.Cutoff + 1) // the cutoff is the largest count that can be corrected
	s.limit(c.Saturation)
	if checkSize(int64(c.Height), int64(c.Width)) == nil {
		s.Height, s.Width = int(c.Height), int(c.Width)
	}
	images := c.Images * max(1, c.Triggers)
	if strings.HasPrefix(c.Trigger, "ext") && strings.HasSuffix(c.Trigger, "e") || c.Trigger == "inte" {
		images = c.Triggers // one image for each
	}
	if images >= 1 && images <= mostImages {
		s.Images = int(images)
	}
}

// readMask notes the mask of version 1: any bit marks a pixel as bad.
func (s *Start) readMask(head part, data []byte) {
	if len(head.Shape) != 2 || checkSize(head.Shape[1], head.Shape[0]) != nil || head.Type != "uint32" ||
		int64(len(data)) != 4*head.Shape[0]*head.Shape[1] {
		s.remark("the mask of the header is damaged, and is not used")
		return
	}
	mask := ndarray.New[float32](int(head.Shape[1]), int(head.Shape[0]))
	convert(mask.Data, data, "u4", false)
	s.Facts.Bad = mask
}
