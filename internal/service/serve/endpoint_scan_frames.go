package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"mime"
	"net/http"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// postFrames adds frames to a scan and answers when they are stitched: POST /v1/scans/{scan}/frames.
func (s *Server) postFrames(w http.ResponseWriter, r *http.Request, a *scan) error {
	if a.isRestoring() {
		return errRestoring
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	return s.withBody(ctx, w, r, func(body []byte, held *reservation) error {
		frames, err := a.parseFrames(body, r.Header.Get("Content-Type"), s.options.MaxBody/4, held)
		if err != nil {
			return err
		}
		stitched, repeated, err := a.add(ctx, frames)
		s.metrics.frames.WithLabelValues("stitched").Add(float64(stitched))
		s.metrics.frames.WithLabelValues("repeated").Add(float64(repeated))
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"id": a.id, "stitched": stitched, "repeated": repeated, "frames": a.status().Frames,
		})
		return nil
	})
}

// Keys of a post's arrays, in an NPZ file and in JSON.
const (
	keyPatterns = "diff3d"
	keyX        = "xcoords"
	keyY        = "ycoords"
	keyIDs      = "ids"
)

// maxID is the largest id of a frame; JSON numbers are exact up to it.
const maxID = 1<<53 - 1

// parseFrames parses a body: NPZ, or JSON with the same keys. most is how many values the patterns may have.
func (s *scan) parseFrames(body []byte, contentType string, most int64, held *reservation) (f newFrames, err error) {
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/json" {
		f, err = s.framesOfJSON(body, most, held)
	} else {
		f, err = s.framesOfNPZ(body, most, held)
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
	if err := s.toPixels(keyX, f.x); err != nil {
		return f, err
	}
	return f, s.toPixels(keyY, f.y)
}

// toPixels converts coordinates to object pixels.
func (s *scan) toPixels(key string, values []float64) error {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return refuse(http.StatusBadRequest, "%s: %v at index %d, expected finite positions", key, v, i)
		}
		if s.options.Positions == "metres" {
			values[i] = v / (s.options.PixelSizeNM * 1e-9)
		}
	}
	return nil
}

// checkSizes requires one position and one pattern (N, N) for each id, and at most that many values.
func (s *scan) checkSizes(frames, x, y int, shape []int, most int64) error {
	n := s.model.Contract.N
	switch {
	case x != frames || y != frames:
		return refuse(http.StatusBadRequest, "%d %s, %d %s, %d %s, expected as many of each",
			frames, keyIDs, x, keyX, y, keyY)
	case len(shape) != 3 || shape[0] != frames || shape[1] != n || shape[2] != n || frames < 1:
		return refuse(http.StatusBadRequest, "%s: shape %v with %d %s, expected (frames, %d, %d), one at least",
			keyPatterns, shape, frames, keyIDs, n, n)
	case int64(frames) > most/int64(n*n):
		return refuse(http.StatusRequestEntityTooLarge, "%d frames in one body, where %d may be; send them in parts",
			frames, most/int64(n*n))
	}
	return nil
}

// framesOfNPZ compares the shapes of all arrays before it unpacks any: a compressed body may be a thousandth of them.
func (s *scan) framesOfNPZ(body []byte, most int64, held *reservation) (f newFrames, err error) {
	r, err := npz.NewReader("the body", bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return f, err
	}
	var shapes [4][]int
	for i, key := range []string{keyIDs, keyX, keyY, keyPatterns} {
		if shapes[i], err = arrayShape(r, key, most); err != nil {
			return f, err
		}
	}
	frames, x, y := ndarray.Size(shapes[0]), ndarray.Size(shapes[1]), ndarray.Size(shapes[2])
	if err := s.checkSizes(frames, x, y, shapes[3], most); err != nil {
		return f, err
	}
	if err := held.add(int64(frames) * int64(3*8+4*s.image())); err != nil {
		return f, err
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
	patterns, err := r.Float32(keyPatterns)
	if err != nil {
		return f, err
	}
	f.patterns = patterns.Data
	valid := amplitudes()
	for i, v := range f.patterns {
		if err := valid.set(f.patterns, i, float64(v)); err != nil {
			return f, err
		}
	}
	return f, nil
}

// arrayShape reads an array's shape and refuses more than most values before anything is unpacked.
func arrayShape(r *npz.Reader, key string, most int64) ([]int, error) {
	if !r.Has(key) {
		return nil, &badinput.Error{
			File: "the body", Key: key, Found: "no array of this name",
			Expected: "the arrays diff3d, xcoords, ycoords and ids",
		}
	}
	h, err := r.Header(key)
	if err != nil {
		return nil, err
	}
	values := int64(1)
	for _, d := range h.Shape {
		if d < 0 || int64(d) > most || values*int64(d) > most {
			return nil, refuse(http.StatusRequestEntityTooLarge,
				"%s: shape %s, which is more than %d values; send the frames in parts",
				key, h.ShapeText(), most)
		}
		values *= int64(d)
	}
	return h.Shape, nil
}

func (s *scan) framesOfJSON(body []byte, most int64, held *reservation) (f newFrames, err error) {
	var given struct {
		IDs      json.RawMessage `json:"ids"`
		X        json.RawMessage `json:"xcoords"`
		Y        json.RawMessage `json:"ycoords"`
		Patterns json.RawMessage `json:"diff3d"`
	}
	if err := held.add(int64(len(body))); err != nil { // the raw members are copies
		return f, err
	}
	if err := decodeJSON(body, &given); err != nil {
		return f, err
	}
	if f.ids, err = numbers[int64](keyIDs, given.IDs, held); err != nil {
		return f, err
	}
	if f.x, err = numbers[float64](keyX, given.X, held); err != nil {
		return f, err
	}
	if f.y, err = numbers[float64](keyY, given.Y, held); err != nil {
		return f, err
	}
	m, n := len(f.ids), s.model.Contract.N
	if err := s.checkSizes(m, len(f.x), len(f.y), []int{m, n, n}, most); err != nil {
		return f, err
	}
	f.patterns, err = fromJSON(given.Patterns, []int64{int64(m), int64(n), int64(n)}, int64(m*n*n), amplitudes(), held)
	return f, err
}

// numbers reads a JSON list of numbers. Each takes 8 bytes, and as few as two in JSON.
func numbers[T int64 | float64](key string, raw json.RawMessage, held *reservation) ([]T, error) {
	if len(raw) == 0 { // there is none
		return nil, nil
	}
	most := bytes.Count(raw, []byte(",")) + 1
	if err := held.add(8 * int64(most)); err != nil {
		return nil, err
	}
	list := make([]T, 0, most)
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, refuse(http.StatusBadRequest, "%s: not the expected list of numbers: %.200s", key, err)
	}
	return list, nil
}
