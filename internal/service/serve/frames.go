package serve

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"net/http"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz"
)

// Keys of the frames of a post, in an NPZ file and in JSON.
const (
	keyPatterns = "diff3d"
	keyX        = "xcoords"
	keyY        = "ycoords"
	keyIDs      = "ids"
)

// maxID is the largest id of a frame.
const maxID = 1<<53 - 1 // JSON's numbers are whole up to there

// parseFrames understands a body: NPZ, or JSON with the same keys. most is how many values patterns may hold.
func (s *scan) parseFrames(body []byte, contentType string, most int64) (newFrames, error) {
	var f newFrames
	var err error
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/json" {
		f, err = s.framesOfJSON(body, most)
	} else {
		f, err = s.framesOfNPZ(body, most)
	}
	if err != nil {
		return f, err
	}
	for _, id := range f.ids {
		if id < 0 || id > maxID {
			return f, refuse(http.StatusBadRequest, "%s: %d, expected 0 to %d", keyIDs, id, int64(maxID))
		}
	}
	if s.options.Input == "intensity" {
		for i, v := range f.patterns {
			f.patterns[i] = float32(math.Sqrt(float64(v)))
		}
	}
	return f, s.place(f)
}

// place turns positions into object pixels.
func (s *scan) place(f newFrames) error {
	metres := s.options.PixelSizeNM * 1e-9
	for _, c := range []struct {
		key    string
		values []float64
	}{{keyX, f.x}, {keyY, f.y}} {
		for i, v := range c.values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return refuse(http.StatusBadRequest, "%s: %v at index %d, expected finite positions", c.key, v, i)
			}
			if s.options.Positions == "metres" {
				c.values[i] = v / metres
			}
		}
	}
	return nil
}

// patternsShape checks the shape of the patterns: as many as there are ids.
func (s *scan) patternsShape(shape []int, frames int, most int64) error {
	n := s.model.Contract.N
	if len(shape) != 3 || shape[0] != frames || shape[1] != n || shape[2] != n || frames < 1 {
		return refuse(http.StatusBadRequest, "%s: shape %v with %d %s, expected (frames, %d, %d), one at least", keyPatterns, shape, frames, keyIDs, n, n)
	}
	if int64(frames) > most/int64(n*n) {
		return refuse(http.StatusRequestEntityTooLarge, "%d frames in one body, where %d may be; send them in parts", frames, most/int64(n*n))
	}
	return nil
}

// lengths checks that there is a position for each id.
func lengths(f newFrames) error {
	if len(f.x) != len(f.ids) || len(f.y) != len(f.ids) {
		return refuse(http.StatusBadRequest, "%d %s, %d %s, %d %s, expected as many of each", len(f.ids), keyIDs, len(f.x), keyX, len(f.y), keyY)
	}
	return nil
}

func (s *scan) framesOfNPZ(body []byte, most int64) (f newFrames, err error) {
	r, err := npz.NewReader("the body", bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return f, err
	}
	for _, key := range []string{keyPatterns, keyX, keyY, keyIDs} { // before anything is unpacked
		if !r.Has(key) {
			return f, &badinput.Error{File: "the body", Key: key, Found: "no array of this name", Expected: "the arrays diff3d, xcoords, ycoords and ids"}
		}
		h, err := r.Header(key)
		if err != nil {
			return f, err
		}
		values := int64(1)
		for _, d := range h.Shape {
			if d < 0 || int64(d) > most || values*int64(d) > most {
				return f, refuse(http.StatusRequestEntityTooLarge, "%s: shape %s, which is more than %d values; send the frames in parts", key, h.ShapeText(), most)
			}
			values *= int64(d)
		}
	}
	if f.ids, err = r.Int64s(keyIDs); err != nil {
		return f, err
	}
	if f.x, err = r.Float64s(keyX); err != nil {
		return f, err
	}
	if f.y, err = r.Float64s(keyY); err != nil {
		return f, err
	}
	if err := lengths(f); err != nil {
		return f, err
	}
	h, err := r.Header(keyPatterns)
	if err != nil {
		return f, err
	}
	if err := s.patternsShape(h.Shape, len(f.ids), most); err != nil {
		return f, err
	}
	patterns, err := r.Float32(keyPatterns)
	if err != nil {
		return f, err
	}
	f.patterns = patterns.Data
	for i, v := range f.patterns {
		if err := store(f.patterns, i, float64(v)); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (s *scan) framesOfJSON(body []byte, most int64) (f newFrames, err error) {
	var given struct {
		IDs      []int64         `json:"ids"`
		X        []float64       `json:"xcoords"`
		Y        []float64       `json:"ycoords"`
		Patterns json.RawMessage `json:"diff3d"`
	}
	if err := decodeJSON(body, &given); err != nil {
		return f, err
	}
	f = newFrames{ids: given.IDs, x: given.X, y: given.Y}
	if err := lengths(f); err != nil {
		return f, err
	}
	n := s.model.Contract.N
	if err := s.patternsShape([]int{len(f.ids), n, n}, len(f.ids), most); err != nil {
		return f, err
	}
	shape := []int64{int64(len(f.ids)), int64(n), int64(n)}
	f.patterns, err = fromJSON(given.Patterns, shape, shape[0]*shape[1]*shape[2])
	return f, err
}
