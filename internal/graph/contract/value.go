package contract

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ptyx/internal/base/ndarray"
)

// value writes and reads one value of a contract. parse returns what was expected, or "" if the text is right.
type value struct {
	format func() string
	parse  func(text string) (expected string)
}

func text(v *string) value {
	return value{func() string { return *v }, func(text string) string { *v = text; return "" }}
}

func oneOf(v *string, words ...string) value {
	return value{func() string { return *v }, func(text string) string {
		if *v = text; slices.Contains(words, text) {
			return ""
		}
		return strings.Join(words, " or ")
	}}
}

// sentence is the same for every model.
func sentence(s string) value { return oneOf(&s, s) }

func count(v *int) value { return integer(v, 0, math.MaxInt) }

func size(v *int, most int) value { return integer(v, 1, most) }

func integer(v *int, least, most int) value {
	return value{func() string { return strconv.Itoa(*v) }, func(text string) string {
		var err error
		switch *v, err = strconv.Atoi(text); {
		case err != nil || *v < 0:
			return "a whole number"
		case *v < least || *v > most:
			return fmt.Sprintf("%d to %d", least, most)
		}
		return ""
	}}
}

func seed(v *uint64) value {
	return value{func() string { return strconv.FormatUint(*v, 10) }, func(text string) string {
		var err error
		if *v, err = strconv.ParseUint(text, 10, 64); err != nil {
			return "a whole number"
		}
		return ""
	}}
}

// number is written as the shortest text that reads back as the same float64.
func number(v *float64) value {
	return value{func() string { return strconv.FormatFloat(*v, 'g', -1, 64) }, func(text string) string {
		var err error
		if *v, err = strconv.ParseFloat(text, 64); err != nil {
			return "a number"
		}
		return ""
	}}
}

func positive(v *float64) value {
	base := number(v)
	return value{base.format, func(text string) string {
		if expected := base.parse(text); expected != "" {
			return expected
		}
		if !(*v > 0) || math.IsInf(*v, 0) {
			return "a positive number"
		}
		return ""
	}}
}

// probe is (n, n) complex64 in base64.
func probe(v **ndarray.Complex64, n *int) value {
	return value{func() string { return base64.StdEncoding.EncodeToString(probeBytes(*v)) }, func(text string) string {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != 8**n**n {
			return fmt.Sprintf("the base64 of %d x %d complex64", *n, *n)
		}
		*v = ndarray.New[complex64](*n, *n)
		for i := range (*v).Data {
			re := math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i:]))
			im := math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i+4:]))
			if !finite(re) || !finite(im) {
				return "finite values"
			}
			(*v).Data[i] = complex(re, im)
		}
		return ""
	}}
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

// probeBytes are the little-endian bytes of a probe, row by row.
func probeBytes(probe *ndarray.Complex64) []byte {
	raw := make([]byte, 0, 8*len(probe.Data))
	for _, p := range probe.Data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(real(p)))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(imag(p)))
	}
	return raw
}
