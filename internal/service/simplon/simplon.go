// Package simplon reads the messages that DECTRIS detectors send: the stream of the SIMPLON API in version 1, several
// parts of JSON and data, and in version 2, one map of CBOR. It turns the parts that package zeromq receives into the
// start of a series, its images and its end; package watch follows these.
//
// Sources: SIMPLON API Reference 1.8, section 5.4.3, for version 1; github.com/dectris/documentation, stream_v2, for
// version 2; RFC 8746 for arrays in CBOR.
package simplon

import (
	"errors"
	"fmt"
	"math"

	"ptyx/internal/scan/source"
)

// Series identifies a series of images. A detector that was started again counts from 1 again, and then only the name
// differs.
type Series struct {
	ID   int64
	Name string // the unique name of version 2; empty in version 1
}

// Start is the beginning of a series.
type Start struct {
	Series
	Images        int // that the detector was asked for; 0: not stated
	Height, Width int // of an image in pixels; 0: not stated
	Facts         source.Facts
}

// Image is one image, still compressed.
type Image struct {
	Series
	ID            int64 // the number of the image in its series
	Height, Width int
	Type          string // of an element, as numpy writes it without byte order: u1, u2, u4
	packed        packed
}

// End is the end of a series.
type End struct{ Series }

// Message is a Start, an *Image or an End.
type Message any

// Limits of what a message may state.
const (
	mostSide   = 1 << 16 // pixels
	mostPixels = 1 << 27
	mostImages = 1 << 40
)

// ErrMessage is the error for a message that no detector sends. The error that wraps it says what is wrong.
var ErrMessage = errors.New("a damaged message")

// damaged says what is wrong with a message.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMessage, fmt.Errorf(format, args...))
}

// Parser reads the messages of one connection, in their order. One goroutine uses it.
type Parser struct {
	header *Start // of version 1, if its configuration comes as a message of its own
}

// Parse returns what a message states: mostly one thing. On error it returns what came before the damaged part.
//
// The two versions are told apart by the first byte of a part: version 1 begins with a brace. Some senders gather the
// parts of several messages into one, others send a header and its configuration as two; both are accepted. The user's
// appendix behind a header or an image is skipped, whatever it holds.
func (p *Parser) Parse(parts [][]byte) (found []Message, err error) {
	var some []Message
	version := 0 // of the parts before
	for len(parts) > 0 && err == nil {
		switch first := parts[0]; {
		case isJSON(first):
			some, parts, err = p.parseJSON(parts, version != 0)
			version = 1
		case version == 1: // an appendix
			some, parts = nil, parts[1:]
		case len(first) > 0 && first[0] >= firstCBOR:
			some, err = parseCBOR(first)
			version, parts = 2, parts[1:]
		default:
			return found, damaged("a part of %d bytes that is neither JSON nor CBOR", len(first))
		}
		found = append(found, some...)
	}
	return found, err
}

// isJSON reports whether a part is an object of JSON.
func isJSON(part []byte) bool { return len(part) > 0 && part[0] == '{' }

// checkSize refuses an image that no detector has.
func checkSize(height, width int64) error {
	if height < 1 || width < 1 || height > mostSide || width > mostSide || height*width > mostPixels {
		return damaged("an image of %d x %d pixels", height, width)
	}
	return nil
}

// checkID refuses a number that no image has.
func checkID(id int64) error {
	const most = 1<<53 - 1 // JSON numbers are exact up to it
	if id < 0 || id > most {
		return damaged("image number %d", id)
	}
	return nil
}

// limit lowers the count from which a pixel of the series is no measurement.
func (s *Start) limit(count float64) {
	if c := &s.Facts.Ceiling; count > 1 && count < math.MaxFloat64 && (*c == 0 || count < *c) {
		*c = count
	}
}

// beam notes the pixel that the beam hits. A detector that does not know it states 0.
func (s *Start) beam(x, y float64) {
	if x > 0 && y > 0 && x < mostSide && y < mostSide {
		s.Facts.Beam = &source.Point{X: x, Y: y}
	}
}

// remark notes what is odd about the header and does not prevent the use of the series.
func (s *Start) remark(format string, args ...any) {
	s.Facts.Remarks = append(s.Facts.Remarks, fmt.Sprintf(format, args...))
}

// positive is a length or an energy, or 0 if the detector states none.
func positive(v float64) float64 {
	if v > 0 && v < math.MaxFloat32 {
		return v
	}
	return 0
}
