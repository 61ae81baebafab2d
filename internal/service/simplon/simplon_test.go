package simplon_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"ptyx/internal/scan/source"
	"ptyx/internal/service/simplon"
	"ptyx/internal/service/simplon/simplontest"
)

// detector sends images of 5 x 7 pixels, which no block of 8 elements divides.
func detector(version int, packing string) simplontest.Detector {
	d := simplontest.Detector{
		Series: 7, Version: version, Height: 5, Width: 7, Images: 3, Energy: 6200, Distance: 1.9, Pixel: 75e-6,
		Packing: packing, Mask: make([]uint32, 35),
	}
	d.Mask[7+2] = 16
	return d
}

func counts() []uint16 {
	c := make([]uint16, 35)
	for i := range c {
		c[i] = uint16(i * i * 50)
	}
	return c
}

// parse reads messages one by one.
func parse(t *testing.T, messages ...[][]byte) (found []simplon.Message) {
	t.Helper()
	var p simplon.Parser
	for i, m := range messages {
		some, err := p.Parse(m)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		found = append(found, some...)
	}
	return found
}

// checkSeries compares what was read with what detector sends: a start, an image, an end.
func checkSeries(t *testing.T, version int, found []simplon.Message) {
	t.Helper()
	if len(found) != 3 {
		t.Fatalf("found %d things, want start, image and end: %+v", len(found), found)
	}
	series := simplon.Series{ID: 7}
	if version == 2 {
		series.Name = "series 7"
	}
	start := found[0].(simplon.Start)
	f := start.Facts
	if start.Series != series || start.Images != 3 || start.Height != 5 || start.Width != 7 || f.EnergyEV != 6200 ||
		f.DistanceM != 1.9 || f.DetectorPixelX != 75e-6 || f.DetectorPixelY != 75e-6 || f.Ceiling != 60000 ||
		f.Kind != source.Counts || len(f.Remarks) > 0 {
		t.Errorf("the start is %+v", start)
	}
	if f.Bad == nil || !slices.Equal(f.Bad.Shape, []int{5, 7}) || f.Bad.Data[9] != 16 || f.Bad.Data[10] != 0 {
		t.Errorf("the mask is %v", f.Bad)
	}
	image := found[1].(*simplon.Image)
	if image.Series != series || image.ID != 2 || image.Height != 5 || image.Width != 7 || image.Type != "u2" {
		t.Errorf("the image is %+v", image)
	}
	got := make([]float32, 35)
	if _, err := image.Unpack(got, nil); err != nil {
		t.Fatal(err)
	}
	for i, c := range counts() {
		if got[i] != float32(c) {
			t.Fatalf("pixel %d is %v, want %d", i, got[i], c)
		}
	}
	if end := found[2].(simplon.End); end.Series != series {
		t.Errorf("the end is %+v", end)
	}
}

// TestSeries reads both versions with every compression.
func TestSeries(t *testing.T) {
	for _, version := range []int{1, 2} {
		for _, packing := range []string{"", "lz4", "bslz4"} {
			t.Run(fmt.Sprint(version, packing), func(t *testing.T) {
				d := detector(version, packing)
				checkSeries(t, version, parse(t, d.Start(), d.Image(2, counts()), d.End()))
			})
		}
	}
}

// TestGathered: simulators send a header in two messages, or several messages in one. A user may add appendices.
func TestGathered(t *testing.T) {
	d := detector(1, "lz4")
	header, image := d.Start(), d.Image(2, counts())
	t.Run("a header in two messages", func(t *testing.T) {
		checkSeries(t, 1, parse(t, header[:1], header[1:], image, d.End()))
	})
	t.Run("all in one message", func(t *testing.T) {
		checkSeries(t, 1, parse(t, slices.Concat(header, image, d.End())))
	})
	t.Run("appendices", func(t *testing.T) {
		for _, appendix := range []string{"text", `{"sample": "star"}`, "{", "", "[1]", "\xff\xff"} {
			with := func(parts [][]byte) [][]byte { return append(slices.Clone(parts), []byte(appendix)) }
			checkSeries(t, 1, parse(t, with(header), with(image), d.End()))
		}
	})
	t.Run("version 2", func(t *testing.T) {
		d := detector(2, "bslz4")
		checkSeries(t, 2, parse(t, slices.Concat(d.Start(), d.Image(2, counts()), d.End())))
	})
}

// TestHeaderAlone: with header_detail none, or an image behind it, a header is complete.
func TestHeaderAlone(t *testing.T) {
	d := detector(1, "")
	none := [][]byte{[]byte(`{"htype":"dheader-1.0","series":7,"header_detail":"none"}`)}
	if found := parse(t, none); len(found) != 1 || found[0].(simplon.Start).ID != 7 {
		t.Errorf("a header without details gives %+v", found)
	}
	if found := parse(t, d.Start()[:1], d.Image(2, counts())); len(found) != 2 || found[0].(simplon.Start).ID != 7 {
		t.Errorf("a header without configuration, and an image, give %+v", found)
	}
}

// TestTriggers: the number of images follows from how the detector is triggered.
func TestTriggers(t *testing.T) {
	for mode, want := range map[string]int{"ints": 30, "exts": 30, "exte": 3, "inte": 3, "other": 30} {
		found := parse(t, [][]byte{[]byte(`{"htype":"dheader-1.0","series":7,"header_detail":"basic"}`),
			fmt.Appendf(nil, `{"nimages":10,"ntrigger":3,"trigger_mode":%q}`, mode)})
		if got := found[0].(simplon.Start).Images; got != want {
			t.Errorf("%s: %d images, want %d", mode, got, want)
		}
	}
}

// array is a message of version 2 with the data of one image.
func array(data any) [][]byte {
	raw, err := cbor.Marshal(map[string]any{
		"type": "image", "series_id": 1, "image_id": 0, "data": map[string]any{"b": nil, "a": data},
	})
	if err != nil {
		panic(err)
	}
	return [][]byte{raw}
}

func tag(number uint64, content any) cbor.Tag { return cbor.Tag{Number: number, Content: content} }

// TestElements reads elements of all types and byte orders; the expected numbers are by hand.
func TestElements(t *testing.T) {
	for number, tt := range map[uint64]struct {
		raw  string
		want float32
	}{
		64: {"\xc8", 200}, 68: {"\xc8", 200}, 65: {"\x01\x02", 258}, 69: {"\x02\x01", 258},
		66: {"\x00\x01\x00\x02", 65538}, 70: {"\x02\x00\x01\x00", 65538},
		67: {"\x00\x00\x00\x01\x00\x00\x00\x00", 1 << 32},
		71: {"\x00\x00\x00\x00\x01\x00\x00\x00", 1 << 32}, 72: {"\xfe", -2}, 73: {"\xff\xfe", -2}, 77: {"\xfe\xff", -2},
		74: {"\xff\xff\xff\xfe", -2}, 78: {"\xfe\xff\xff\xff", -2}, 75: {"\xff\xff\xff\xff\xff\xff\xff\xfe", -2},
		79: {"\xfe\xff\xff\xff\xff\xff\xff\xff", -2}, 81: {"\x3f\xc0\x00\x00", 1.5}, 85: {"\x00\x00\xc0\x3f", 1.5},
		82: {"\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5}, 86: {"\x00\x00\x00\x00\x00\x00\xf8\x3f", 1.5},
	} {
		found := parse(t, array(tag(40, []any{[]int{1, 1}, tag(number, []byte(tt.raw))})))
		got := []float32{float32(math.NaN())}
		if _, err := found[0].(*simplon.Image).Unpack(got, nil); err != nil || got[0] != tt.want {
			t.Errorf("tag %d: got %v, %v, want %v", number, got, err, tt.want)
		}
	}
}

// TestDamaged: a damaged message is refused by a sentence that says what is wrong.
func TestDamaged(t *testing.T) {
	v1 := func(shape, dtype, encoding string) [][]byte {
		return [][]byte{[]byte(`{"htype":"dimage-1.0","series":1,"frame":4}`),
			fmt.Appendf(nil, `{"htype":"dimage_d-1.0","shape":%s,"type":%q,"encoding":%q}`, shape, dtype, encoding),
			[]byte("\x00\x01\x02")}
	}
	short := detector(2, "bslz4").Image(2, counts())
	short[0] = short[0][:len(short[0])-9]
	for _, tt := range []struct {
		name, want string
		message    [][]byte
	}{
		{"empty", "neither JSON nor CBOR", [][]byte{nil}},
		{"text", "neither JSON nor CBOR", [][]byte{[]byte("hello")}},
		{"half of JSON", "unexpected end of JSON", [][]byte{[]byte(`{"htype":"dimage`)}},
		{"an unknown kind", `of the kind "dother-1.0"`, [][]byte{[]byte(`{"htype":"dother-1.0"}`)}},
		{"no data", "without its data", v1("[1,1]", "uint8", "<")[:2]},
		{"three axes", "the shape [1 1 1]", v1("[1,1,1]", "uint8", "<")},
		{"no pixel", "0 x 3 pixels", v1("[3,0]", "uint8", "<")},
		{"too many pixels", "65536 x 65536 pixels", v1("[65536,65536]", "uint8", "<")},
		{"an unknown type", `type "complex64"`, v1("[1,1]", "complex64", "<")},
		{"an unknown encoding", `encoding "zip<"`, v1("[1,1]", "uint8", "zip<")},
		{"too few bytes", "5 x 1 pixels of type u1 need 5", v1("[1,5]", "uint8", "<")},
		{"no LZ4", "image 4: data that their compression did not write", v1("[1,5]", "uint8", "lz4<")},
		{"no bitshuffle", "did not write", v1("[1,5]", "uint8", "bs8-lz4<")},
		{"half of CBOR", "unexpected EOF", short},
		{"CBOR without a type", `type ""`, [][]byte{{0xa0}}},
		{"no tag 40", "without the tag 40", array([]byte("abc"))},
		{"three axes in CBOR", "not two axes", array(tag(40, []any{[]int{1, 1, 1}, tag(64, []byte("a"))}))},
		{"negative axes", "no length", array(tag(40, []any{[]int{-1, 1}, tag(64, []byte("a"))}))},
		{"no numbers", "tag 83", array(tag(40, []any{[]int{1, 1}, tag(83, []byte("a"))}))},
		{"an unknown algorithm", `"trpx"`, array(tag(40,
			[]any{[]int{1, 1}, tag(64, tag(56500, []any{"trpx", 1, []byte("a")}))}))},
		{"an element of no bytes", "did not write",
			array(tag(40, []any{[]int{1, 1}, tag(64, tag(56500, []any{"bslz4", 0, make([]byte, 20)}))}))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p simplon.Parser
			found, err := p.Parse(tt.message)
			for _, m := range found {
				if image, is := m.(*simplon.Image); is {
					_, err = image.Unpack(make([]float32, image.Height*image.Width), nil)
				}
			}
			if !errors.Is(err, simplon.ErrMessage) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestDamagedMask: a series with a damaged mask is read without it, and that is remarked.
func TestDamagedMask(t *testing.T) {
	header := detector(1, "").Start()
	header[3] = header[3][1:]
	start := parse(t, header)[0].(simplon.Start)
	if start.Facts.Bad != nil || len(start.Facts.Remarks) != 1 || start.Images != 3 {
		t.Errorf("version 1: the start is %+v", start)
	}
	raw, err := cbor.Marshal(map[string]any{
		"pixel_mask": map[string]any{"threshold_1": "AAAA"}, "saturation_value": "none", "number_of_images": 3,
		"type": "start", "series_id": 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	start = parse(t, [][]byte{raw})[0].(simplon.Start)
	if start.Facts.Bad != nil || len(start.Facts.Remarks) != 2 || start.Images != 3 || start.ID != 7 {
		t.Errorf("version 2: the start is %+v", start)
	}
}

// FuzzParse reads anything: it fails, or gives images that can be unpacked or refused.
func FuzzParse(f *testing.F) {
	separator := []byte("|part|")
	for _, version := range []int{1, 2} {
		for _, packing := range []string{"", "lz4", "bslz4"} {
			d := detector(version, packing)
			f.Add(bytes.Join(d.Start(), separator))
			f.Add(bytes.Join(d.Image(2, counts()), separator))
			f.Add(bytes.Join(d.End(), separator))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var p simplon.Parser
		found, err := p.Parse(bytes.Split(message, separator))
		if err != nil && !errors.Is(err, simplon.ErrMessage) {
			t.Errorf("%v is no error of a message", err)
		}
		for _, m := range found {
			image, is := m.(*simplon.Image)
			if !is || image.Height*image.Width > 1<<16 {
				continue
			}
			if _, err := image.Unpack(make([]float32, image.Height*image.Width), nil); err != nil &&
				!errors.Is(err, simplon.ErrMessage) {
				t.Errorf("%v is no error of a message", err)
			}
		}
	})
}
