package tiff

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/base/ndarray"
)

// page is a page as the test reads it back, by the letter of the specification.
type page struct {
	width, height uint32
	bits, format  uint16
	name          string
	pixelsPerCM   float64
	data          []float32
}

func readBack(t *testing.T, b []byte) (pages []page) {
	t.Helper()
	le := binary.LittleEndian
	if string(b[:4]) != "II*\x00" {
		t.Fatalf("begins with %q", b[:4])
	}
	for at := le.Uint32(b[4:]); at != 0; {
		var p page
		var strip, bytes uint32
		last := uint16(0)
		count := int(le.Uint16(b[at:]))
		for i := range count {
			e := b[int(at)+2+12*i:]
			tag, n := le.Uint16(e), le.Uint32(e[4:])
			if tag <= last {
				t.Errorf("tag %d behind %d", tag, last)
			}
			last = tag
			value := le.Uint32(e[8:])
			switch tag {
			case 256:
				p.width = value
			case 257:
				p.height = value
			case 258:
				p.bits = le.Uint16(e[8:])
			case 270:
				p.name = string(e[8 : 8+min(n, 4)-1]) // four bytes fit the entry itself
				if n > 4 {
					p.name = string(b[value : value+n-1])
				}
			case 273:
				strip = value
			case 279:
				bytes = value
			case 282:
				p.pixelsPerCM = float64(le.Uint32(b[value:])) / float64(le.Uint32(b[value+4:]))
			case 339:
				p.format = le.Uint16(e[8:])
			}
		}
		for i := uint32(0); i < bytes; i += 4 {
			p.data = append(p.data, math.Float32frombits(le.Uint32(b[strip+i:])))
		}
		pages = append(pages, p)
		at = le.Uint32(b[int(at)+2+12*count:])
	}
	return pages
}

func TestWrite(t *testing.T) {
	a, b := ndarray.New[float32](3, 5), ndarray.New[float32](2, 2)
	for i := range a.Data {
		a.Data[i] = float32(i) - 7.25
	}
	b.Data[3] = float32(math.Pi)
	path := filepath.Join(t.TempDir(), "out.tif")
	if err := Write(path,
		[]Page{{Name: "amplitude", Image: a, WidthM: 20e-9, HeightM: 10e-9}, {Name: "odd", Image: b}}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pages := readBack(t, content)
	if len(pages) != 2 {
		t.Fatalf("%d pages", len(pages))
	}
	p := pages[0]
	if p.width != 5 || p.height != 3 || p.bits != 32 || p.format != 3 || p.name != "amplitude" ||
		math.Abs(p.pixelsPerCM-5e5) > 1 {
		t.Errorf("%+v", p)
	}
	for i, v := range p.data {
		if v != a.Data[i] {
			t.Errorf("%v at %d, want %v", v, i, a.Data[i])
		}
	}
	if p := pages[1]; p.name != "odd" || len(p.data) != 4 || p.data[3] != float32(math.Pi) || p.pixelsPerCM != 0 {
		t.Errorf("%+v", p)
	}
	if err := Write(path, nil); err == nil {
		t.Error("a file without a page")
	}
	if again, _ := os.ReadFile(path); string(again) != string(content) {
		t.Error("a failure changed the file")
	}
}
