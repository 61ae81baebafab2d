package simplon

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/source"
)

// firstCBOR is the smallest first byte of a message of version 2: a map, or a tag before it.
const firstCBOR = 0xa0

// message is a message of version 2. Each type has some of the fields.
type message struct {
	Type   string `cbor:"type"`
	Series int64  `cbor:"series_id"`
	Name   string `cbor:"series_unique_id"`

	Image int64             `cbor:"image_id"`
	Data  map[string]nested `cbor:"data"` // by channel

	Images     int64             `cbor:"number_of_images"`
	ImageType  string            `cbor:"image_dtype"`
	Width      int64             `cbor:"image_size_x"`
	Height     int64             `cbor:"image_size_y"`
	Energy     float64           `cbor:"incident_energy"`     // eV
	Wavelength float64           `cbor:"incident_wavelength"` // ångström
	Place      []float64         `cbor:"detector_translation"`
	PixelX     float64           `cbor:"pixel_size_x"` // metres
	PixelY     float64           `cbor:"pixel_size_y"`
	BeamX      float64           `cbor:"beam_center_x"` // pixels
	BeamY      float64           `cbor:"beam_center_y"`
	Saturation float64           `cbor:"saturation_value"`
	Masks      map[string]nested `cbor:"pixel_mask"` // by channel
}

// nested is an item of CBOR inside a message. It refers to the message's own memory.
type nested []byte

// UnmarshalCBOR keeps the bytes of the item. The package copies none of an image's data.
func (n *nested) UnmarshalCBOR(data []byte) error {
	*n = data
	return nil
}

// decoder has the limits for messages of a detector.
var decoder = sync.OnceValues(func() (cbor.DecMode, error) {
	return cbor.DecOptions{
		MaxNestedLevels: 16, MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 12, TimeTag: cbor.DecTagIgnored,
	}.DecMode()
})

// parseCBOR reads a message of version 2.
func parseCBOR(raw []byte) ([]Message, error) {
	mode, err := decoder()
	if err != nil {
		return nil, err
	}
	if number, rest, ok := cutHead(raw, majorTag); ok && number == tagSelfDescribed {
		raw = rest
	}
	var m message
	// A value of another type than expected counts as absent; the fields behind it are read.
	fault := mode.Unmarshal(raw, &m)
	if mismatch := (*cbor.UnmarshalTypeError)(nil); fault != nil && !errors.As(fault, &mismatch) {
		return nil, damaged("%v", fault)
	}
	series := Series{m.Series, m.Name}
	switch m.Type {
	case "start":
		return []Message{m.start(series, fault)}, nil
	case "image":
		if fault != nil {
			return nil, damaged("%v", fault)
		}
		image, err := m.image(series)
		if err != nil {
			return nil, err
		}
		return []Message{image}, nil
	case "end":
		return []Message{End{series}}, nil
	}
	return nil, damaged("a message of the type %q", m.Type)
}

func (m *message) start(series Series, fault error) Start {
	s := Start{Series: series}
	if fault != nil {
		s.remark("the header has a value of another type than expected: %v", fault)
	}
	f := &s.Facts
	f.Kind = source.Counts
	f.EnergyEV = positive(m.Energy)
	if f.EnergyEV == 0 && positive(m.Wavelength) > 0 {
		const angstrom = 1e-10
		f.EnergyEV = source.EnergyOf(m.Wavelength * angstrom)
	}
	if len(m.Place) == 3 {
		f.DistanceM = positive(math.Abs(m.Place[2])) // the beam's axis may point either way
	}
	f.DetectorPixelX, f.DetectorPixelY = positive(m.PixelX), positive(m.PixelY)
	s.beam(m.BeamX, m.BeamY)
	s.limit(m.Saturation)
	if bits, known := map[string]float64{"uint8": 8, "uint16": 16, "uint32": 32}[m.ImageType]; known {
		s.limit(math.Exp2(bits) - 1) // marks pixels of the mask
	}
	if checkSize(m.Height, m.Width) == nil {
		s.Height, s.Width = int(m.Height), int(m.Width)
	}
	if m.Images > 0 && m.Images <= mostImages {
		s.Images = int(m.Images)
	}
	if channel, item := firstChannel(m.Masks); item != nil {
		s.readNestedMask(channel, item)
	}
	return s
}

// readNestedMask notes the mask of a channel: any bit marks a pixel as bad.
func (s *Start) readNestedMask(channel string, item nested) {
	a, err := parseArray(item)
	var mask *ndarray.Float32
	if err == nil {
		mask = ndarray.New[float32](a.Height, a.Width)
		_, err = a.Unpack(mask.Data, nil)
	}
	if err != nil {
		s.remark("the mask of the channel %q is damaged, and is not used: %v", channel, err)
		return
	}
	s.Facts.Bad = mask
}

// firstChannel is the first threshold, else the first channel by name; nil if there is none.
func firstChannel(channels map[string]nested) (name string, item nested) {
	const usual = "threshold_1"
	if item, there := channels[usual]; there {
		return usual, item
	}
	names := slices.SortedFunc(maps.Keys(channels), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // threshold_2 before threshold_10
	})
	if len(names) == 0 {
		return "", nil
	}
	return names[0], channels[names[0]]
}

func (m *message) image(series Series) (*Image, error) {
	if err := checkID(m.Image); err != nil {
		return nil, err
	}
	_, item := firstChannel(m.Data)
	if item == nil {
		return nil, damaged("image %d without its data", m.Image)
	}
	image, err := parseArray(item)
	if err != nil {
		return nil, err
	}
	image.Series, image.ID = series, m.Image
	return image, nil
}

// Tags of CBOR.
const (
	tagSelfDescribed = 55799
	tagRows          = 40    // [[height, width], array], row by row
	tagCompressed    = 56500 // [algorithm, bytes of an element, data], of DECTRIS
)

// elementTypes are the tags of arrays of RFC 8746.
var elementTypes = map[uint64]struct {
	dtype     string
	bigEndian bool
}{
	64: {"u1", false}, 65: {"u2", true}, 66: {"u4", true}, 67: {"u8", true}, 68: {"u1", false},
	69: {"u2", false}, 70: {"u4", false}, 71: {"u8", false},
	72: {"i1", false}, 73: {"i2", true}, 74: {"i4", true}, 75: {"i8", true},
	77: {"i2", false}, 78: {"i4", false}, 79: {"i8", false},
	81: {"f4", true}, 82: {"f8", true}, 85: {"f4", false}, 86: {"f8", false},
}

// parseArray reads an array of two axes. Its bytes are well-formed CBOR.
func parseArray(item nested) (*Image, error) {
	tag, rest, ok := cutHead(item, majorTag)
	if !ok || tag != tagRows {
		return nil, damaged("an array without the tag %d", tagRows)
	}
	shape := make([]uint64, 2)
	for _, length := range []uint64{2, 2} { // [shape, array], and shape
		var n uint64
		if n, rest, ok = cutHead(rest, majorArray); !ok || n != length {
			return nil, damaged("an array that has not two axes")
		}
	}
	for i := range shape {
		if shape[i], rest, ok = cutHead(rest, majorUnsigned); !ok || shape[i] > mostSide {
			return nil, damaged("an array whose axes have no length, or a larger one than %d", mostSide)
		}
	}
	if err := checkSize(int64(shape[0]), int64(shape[1])); err != nil {
		return nil, err
	}
	tag, rest, ok = cutHead(rest, majorTag)
	kind, known := elementTypes[tag]
	if !ok || !known {
		return nil, damaged("an array of the tag %d, which is none for numbers", tag)
	}
	packed, err := parsePacked(rest)
	packed.bigEndian = kind.bigEndian
	return &Image{Height: int(shape[0]), Width: int(shape[1]), Type: kind.dtype, packed: packed}, err
}

// parsePacked reads the bytes of an array, compressed or not.
func parsePacked(item []byte) (packed, error) {
	if data, _, ok := cutString(item, majorBytes); ok {
		return packed{data: data}, nil
	}
	tag, rest, isTag := cutHead(item, majorTag)
	length, rest, isArray := cutHead(rest, majorArray)
	if !isTag || tag != tagCompressed || !isArray || length != 3 {
		return packed{}, damaged("an array of neither bytes nor compressed data")
	}
	name, rest, isText := cutString(rest, majorText)
	element, rest, isNumber := cutHead(rest, majorUnsigned)
	data, _, isBytes := cutString(rest, majorBytes)
	if !isText || !isNumber || !isBytes {
		return packed{}, damaged("compressed data without their algorithm or element")
	}
	kind, known := map[string]packing{"lz4": framedLZ4, "bslz4": shuffledLZ4}[string(name)]
	if !known || element > math.MaxInt32 {
		return packed{}, damaged("data compressed by %q with elements of %d bytes, where lz4 or bslz4 is expected",
			name, element)
	}
	return packed{packing: kind, element: int(element), data: data}, nil
}

// Major types of CBOR.
const (
	majorUnsigned = 0
	majorBytes    = 2
	majorText     = 3
	majorArray    = 4
	majorTag      = 6
)

// cutHead cuts off the head of an item of a major type, with its number. ok is false if it is of another one.
func cutHead(data []byte, major byte) (number uint64, rest []byte, ok bool) {
	if len(data) == 0 || data[0]>>5 != major {
		return 0, data, false
	}
	const small, largest = 24, 27 // of the five lower bits; from 24 on, the number follows in 1, 2, 4 or 8 bytes
	low := data[0] & 31
	switch {
	case low < small:
		return uint64(low), data[1:], true
	case low > largest || len(data) < 1+1<<(low-small):
		return 0, data, false
	}
	size := 1 << (low - small)
	var bytes [8]byte
	copy(bytes[8-size:], data[1:1+size])
	return binary.BigEndian.Uint64(bytes[:]), data[1+size:], true
}

// cutString cuts off a string of bytes or of text.
func cutString(data []byte, major byte) (text, rest []byte, ok bool) {
	n, rest, ok := cutHead(data, major)
	if !ok || n > uint64(len(rest)) {
		return nil, data, false
	}
	return rest[:n], rest[n:], true
}
