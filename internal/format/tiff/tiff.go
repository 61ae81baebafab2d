// Package tiff writes pictures of 32-bit floats as TIFF files of several pages, which image programs and Python read
// without loss. The TIFF libraries for Go write no floats.
//
// The format is TIFF revision 6.0: little-endian, one uncompressed strip a page, sample format 3 (IEEE floats).
package tiff

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
)

// Page is a picture.
type Page struct {
	Name    string           // its contents, for the tag ImageDescription
	Image   *ndarray.Float32 // (H, W)
	WidthM  float64          // of a pixel in metres; 0: unknown
	HeightM float64

	at, next int64 // offsets in the file of its directory and of the next page's
}

// Write writes the pages to path in one step. The same pages give the same bytes.
func Write(path string, pages []Page) error {
	return destination.Write(path, func(f *os.File) error {
		w := bufio.NewWriter(f)
		return errors.Join(write(w, pages), w.Flush())
	})
}

// Types of a field's values.
const (
	typeASCII    = 2
	typeShort    = 3
	typeLong     = 4
	typeRational = 5
)

// field is an entry of a page's directory. A value of more than four bytes follows the directory.
type field struct {
	tag, kind uint16
	count     uint32
	value     []byte
}

func short(tag uint16, v uint16) field {
	return field{tag, typeShort, 1, binary.LittleEndian.AppendUint16(nil, v)}
}

func long(tag uint16, v uint32) field {
	return field{tag, typeLong, 1, binary.LittleEndian.AppendUint32(nil, v)}
}

// rational is a positive number as a fraction of 32-bit numbers.
func rational(tag uint16, v float64) field {
	denominator := 1.0
	for v*denominator < 1<<24 && denominator < 1<<24 {
		denominator *= 2
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(math.Round(v*denominator)))
	return field{tag, typeRational, 1, binary.LittleEndian.AppendUint32(b, uint32(denominator))}
}

// fields are a page's entries, in the order of their tags, with its pixels at an offset.
func (p *Page) fields(pixels uint32) []field {
	h, w := p.Image.Shape[0], p.Image.Shape[1]
	name := append([]byte(p.Name), 0)
	const grey, floats, centimetre = 1, 3, 3
	f := []field{
		long(256, uint32(w)), long(257, uint32(h)), short(258, 32), short(259, 1), short(262, grey),
		{270, typeASCII, uint32(len(name)), name}, long(273, pixels), short(277, 1), long(278, uint32(h)),
		long(279, uint32(4*w*h)),
	}
	if x, y := 0.01/p.WidthM, 0.01/p.HeightM; p.WidthM > 0 && p.HeightM > 0 && max(x, y) < math.MaxUint32 {
		f = append(f, rational(282, x), rational(283, y), short(296, centimetre))
	}
	return append(f, short(339, floats))
}

// size is the size in bytes of a directory and the values after it.
func size(fields []field) int64 {
	n := int64(2 + 12*len(fields) + 4)
	for _, f := range fields {
		if len(f.value) > 4 {
			n += int64(len(f.value)+1) / 2 * 2
		}
	}
	return n
}

func write(w io.Writer, pages []Page) error {
	if len(pages) == 0 {
		return errors.New("no page")
	}
	const header = 8
	at := int64(header)
	for i := range pages {
		p := &pages[i]
		if len(p.Image.Shape) != 2 || len(p.Image.Data) == 0 {
			return fmt.Errorf("a page of shape %v", p.Image.Shape)
		}
		p.at = at
		at += size(p.fields(0)) + 4*int64(len(p.Image.Data))
		p.next = at
	}
	if at > math.MaxUint32 {
		return fmt.Errorf("pictures of %d bytes, more than the 4 GiB of a TIFF file", at)
	}
	b := append([]byte("II*\x00"), binary.LittleEndian.AppendUint32(nil, header)...)
	for i := range pages {
		p := &pages[i]
		if i == len(pages)-1 {
			p.next = 0
		}
		b = p.directory(b)
		if _, err := w.Write(b); err != nil {
			return err
		}
		var err error
		if b, err = binary.Append(b[:0], binary.LittleEndian, p.Image.Data); err != nil {
			return err
		}
	}
	_, err := w.Write(b)
	return err
}

// directory appends a page's directory.
func (p *Page) directory(b []byte) []byte {
	fields := p.fields(0)
	pixels := uint32(p.at + size(fields))
	fields = p.fields(pixels)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(fields)))
	overflow := uint32(p.at) + uint32(2+12*len(fields)+4)
	var rest []byte
	for _, f := range fields {
		b = binary.LittleEndian.AppendUint16(b, f.tag)
		b = binary.LittleEndian.AppendUint16(b, f.kind)
		b = binary.LittleEndian.AppendUint32(b, f.count)
		if len(f.value) <= 4 {
			b = append(b, f.value...)
			b = append(b, make([]byte, 4-len(f.value))...)
			continue
		}
		b = binary.LittleEndian.AppendUint32(b, overflow+uint32(len(rest)))
		rest = append(rest, f.value...)
		rest = append(rest, make([]byte, len(rest)%2)...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(p.next))
	return append(b, rest...)
}
