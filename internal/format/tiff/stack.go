package tiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"

	"ptyx/internal/base/badinput"
)

// Stack is an open TIFF file whose pages are images of one size and type, one channel each. It reads classic TIFF and
// BigTIFF of either byte order, in strips that are uncompressed or packed by LZW or deflate. Its methods may be called
// from several goroutines, until Close.
type Stack struct {
	Path          string
	Height, Width int
	Dtype         string // of a pixel as numpy writes it, such as "<u2"

	file  *os.File
	size  int64
	big   bool // BigTIFF
	order binary.ByteOrder
	pages []strips
	total int64 // strips of all pages
	pixel int   // bytes of one
}

// strips say where an image is.
type strips struct {
	rows        int     // of a strip
	at, bytes   []int64 // of each strip
	compression uint64
	predictor   uint64
}

// Is reports whether the file at path begins as a TIFF file does.
func Is(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 4)
	n, _ := f.Read(start)
	for _, sign := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if bytes.Equal(start[:n], []byte(sign)) {
			return true
		}
	}
	return false
}

// OpenStack opens a TIFF file and finds its pages. Every error is a *badinput.Error.
func OpenStack(path string) (*Stack, error) {
	f, size, err := badinput.Open(path, "a TIFF file")
	if err != nil {
		return nil, err
	}
	s := &Stack{Path: path, file: f, size: size}
	if err := s.readPages(); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return s, nil
}

// Frames is the number of pages.
func (s *Stack) Frames() int { return len(s.pages) }

// Close closes the file.
func (s *Stack) Close() error { return s.file.Close() }

// fault is an error about a page; -1 is none.
func (s *Stack) fault(number int, found, expected string, cause error) error {
	key := ""
	if number >= 0 {
		key = fmt.Sprintf("page %d", number)
	}
	return &badinput.Error{File: s.Path, Key: key, Found: found, Expected: expected, Cause: badinput.Cause(cause)}
}

// read reads n bytes at an offset.
func (s *Stack) read(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > s.size-n {
		return nil, fmt.Errorf("%d bytes at %d of %d", n, at, s.size)
	}
	b := make([]byte, n)
	_, err := s.file.ReadAt(b, at)
	return b, err
}

// readPages follows the chain of directories.
func (s *Stack) readPages() error {
	head, err := s.read(0, 8)
	if err != nil {
		return s.fault(-1, "a file too short for a TIFF file", "", err)
	}
	s.order = binary.LittleEndian
	if head[0] == 'M' {
		s.order = binary.BigEndian
	}
	next := int64(s.order.Uint32(head[4:]))
	if s.order.Uint16(head[2:]) == 43 {
		s.big = true
		wide, err := s.read(8, 8)
		if err != nil {
			return s.fault(-1, "a file too short for a BigTIFF file", "", err)
		}
		next = int64(s.order.Uint64(wide))
	}
	seen := map[int64]bool{}
	for next != 0 {
		number := len(s.pages)
		if seen[next] {
			return s.fault(number, "a page that was there before", "a chain of pages with an end", nil)
		}
		seen[next] = true
		var fields map[uint16][]uint64
		if fields, next, err = s.directory(next); err != nil {
			return s.fault(number, "a directory that cannot be read", "", err)
		}
		if err := s.addPage(fields); err != nil {
			return err
		}
	}
	if len(s.pages) == 0 {
		return s.fault(-1, "no page", "one for each pattern", nil)
	}
	return nil
}

// widths are the bytes of a value by its type.
var widths = map[uint16]int64{1: 1, 3: 2, 4: 4, 16: 8}

// directory reads the whole numbers of a directory, by their tags, and the offset of the next one.
func (s *Stack) directory(at int64) (fields map[uint16][]uint64, next int64, err error) {
	counter, entry, pointer := int64(2), int64(12), int64(4)
	if s.big {
		counter, entry, pointer = 8, 20, 8
	}
	b, err := s.read(at, counter)
	if err != nil {
		return nil, 0, err
	}
	count := int64(s.number(b))
	if count < 0 || count > 1<<16 {
		return nil, 0, fmt.Errorf("%d fields", count)
	}
	if b, err = s.read(at+counter, count*entry+pointer); err != nil {
		return nil, 0, err
	}
	fields = map[uint16][]uint64{}
	for i := range count {
		one := b[i*entry : (i+1)*entry]
		tag, kind, values := s.order.Uint16(one), s.order.Uint16(one[2:]), one[4+pointer:]
		width := widths[kind]
		n := int64(s.number(one[4 : 4+pointer]))
		if width == 0 || n < 0 || n > s.size {
			continue // text and fractions, of which none is needed
		}
		if n*width > pointer {
			if values, err = s.read(int64(s.number(values)), n*width); err != nil {
				return nil, 0, err
			}
		}
		list := make([]uint64, n)
		for j := range list {
			list[j] = s.number(values[int64(j)*width : int64(j+1)*width])
		}
		fields[tag] = list
	}
	return fields, int64(s.number(b[count*entry:])), nil
}

// number reads a whole number of 1, 2, 4 or 8 bytes.
func (s *Stack) number(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(s.order.Uint16(b))
	case 4:
		return uint64(s.order.Uint32(b))
	}
	return s.order.Uint64(b)
}

// Tags of the fields that say where and how a page is stored.
const (
	tagWidth       = 256
	tagHeight      = 257
	tagBits        = 258
	tagCompression = 259
	tagStrips      = 273
	tagSamples     = 277
	tagRows        = 278
	tagBytes       = 279
	tagPredictor   = 317
	tagTiles       = 322
	tagFormat      = 339
)

// kinds are the types of a pixel by its sample format.
var kinds = map[uint64]string{1: "u", 2: "i", 3: "f"}

// addPage checks a page and adds it.
func (s *Stack) addPage(fields map[uint16][]uint64) error {
	number := len(s.pages)
	first := func(tag uint16, otherwise uint64) uint64 {
		if v := fields[tag]; len(v) > 0 {
			return v[0]
		}
		return otherwise
	}
	width, height, bits := first(tagWidth, 0), first(tagHeight, 0), first(tagBits, 1)
	const most = 1 << 20
	kind := kinds[first(tagFormat, 1)]
	switch {
	case width == 0 || height == 0 || width > most || height > most:
		return s.fault(number, fmt.Sprintf("%d x %d pixels", height, width), "an image", nil)
	case first(tagSamples, 1) != 1:
		return s.fault(number, fmt.Sprintf("%d channels", first(tagSamples, 1)), "one, of counts", nil)
	case len(fields[tagTiles]) > 0:
		return s.fault(number, "tiles", "strips", nil)
	case kind == "" || bits != 8 && bits != 16 && bits != 32 && bits != 64 || kind == "f" && bits < 32:
		return s.fault(number, fmt.Sprintf("pixels of %d bits", bits), "whole numbers or floats of 8 to 64 bits", nil)
	}
	order := "<"
	if s.order == binary.BigEndian {
		order = ">"
	}
	if bits == 8 {
		order = "|"
	}
	dtype := fmt.Sprintf("%s%s%d", order, kind, bits/8)
	if number == 0 {
		s.Height, s.Width, s.Dtype, s.pixel = int(height), int(width), dtype, int(bits/8)
	}
	if int(height) != s.Height || int(width) != s.Width || dtype != s.Dtype {
		return s.fault(number, fmt.Sprintf("%d x %d pixels of type %s", height, width, dtype),
			fmt.Sprintf("%d x %d of type %s, as on page 0", s.Height, s.Width, s.Dtype), nil)
	}
	p := strips{compression: first(tagCompression, 1), predictor: first(tagPredictor, 1)}
	p.rows = int(min(first(tagRows, height), height))
	if unpackers[p.compression] == nil || p.predictor > 2 || p.predictor == 2 && kind == "f" {
		return s.fault(number, fmt.Sprintf("compression %d, predictor %d", p.compression, p.predictor),
			"none, LZW or deflate", nil)
	}
	count := (s.Height + max(1, p.rows) - 1) / max(1, p.rows)
	if s.total += int64(len(fields[tagStrips])); s.total > s.size/8 { // each takes 8 bytes of a directory or more
		return s.fault(number, "more strips than the file has room for", "a complete file", nil)
	}
	if p.rows == 0 || len(fields[tagStrips]) != count || len(fields[tagBytes]) != count {
		return s.fault(number, fmt.Sprintf("%d strips of %d rows", len(fields[tagStrips]), p.rows),
			fmt.Sprintf("%d rows in all", s.Height), nil)
	}
	for i := range count {
		at, n := fields[tagStrips][i], fields[tagBytes][i]
		if at > math.MaxInt64 || n > uint64(s.size) || at > uint64(s.size)-n {
			return s.fault(number, fmt.Sprintf("a strip of %d bytes at %d in a file of %d", n, at, s.size),
				"a complete file", nil)
		}
		// No packed strip becomes 4096 times as large.
		plain := uint64(min(p.rows, s.Height-i*p.rows) * s.Width * s.pixel)
		if p.compression == 1 && n < plain || n < plain/4096 {
			return s.fault(number, fmt.Sprintf("a strip of %d bytes for %d", n, plain), "a complete file", nil)
		}
		p.at, p.bytes = append(p.at, int64(at)), append(p.bytes, int64(n))
	}
	s.pages = append(s.pages, p)
	return nil
}

// Read reads pages first to first+count-1 into dst, which they fill.
func (s *Stack) Read(dst []float32, first, count int) error {
	size := s.Height * s.Width
	if first < 0 || count < 0 || first+count > len(s.pages) || len(dst) != count*size {
		return fmt.Errorf("tiff: pages %d to %d of %d into %d values", first, first+count, len(s.pages), len(dst))
	}
	for i := range count {
		if err := s.readPage(dst[i*size:(i+1)*size], s.pages[first+i]); err != nil {
			return s.fault(first+i, "a page that cannot be read", "a complete file", err)
		}
	}
	return nil
}

// readPage reads the strips of a page.
func (s *Stack) readPage(dst []float32, p strips) error {
	for i := range p.at {
		rows := min(p.rows, s.Height-i*p.rows)
		packed, err := s.read(p.at[i], p.bytes[i])
		if err != nil {
			return err
		}
		raw, err := unpackers[p.compression](packed, rows*s.Width*s.pixel)
		if err != nil {
			return err
		}
		if len(raw) < rows*s.Width*s.pixel {
			return errors.New("a strip that is too short")
		}
		if p.predictor == 2 {
			s.integrate(raw, rows)
		}
		s.convert(dst[i*p.rows*s.Width:][:rows*s.Width], raw)
	}
	return nil
}
