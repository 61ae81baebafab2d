package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"mime"
	"net/http"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz"
)

// postFrames adds frames to a scan and answers when they are stitched: POST /v1/scans/{scan}/frames.
func (s *Server) postFrames(w http.ResponseWriter, r *http.Request, a *scan) error {
	if a.isRestoring() {
		return errRestoring
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	return s.withBody(ctx, w, r, func(body []byte) error {
		frames, err := a.parseFrames(body, r.Header.Get("Content-Type"), s.options.MaxBody/4)
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
func (s *scan) parseFrames(body []byte, contentType string, most int64) (f newFrames, err error) {
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
func (s *scan) checkSizes(f newFrames, shape []int, most int64) error {
	frames, n := len(f.ids), s.model.Contract.N
	switch {
	case len(f.x) != frames || len(f.y) != frames:
		return refuse(http.StatusBadRequest, "%d %s, %d %s, %d %s, expected as many of each",
			frames, keyIDs, len(f.x), keyX, len(f.y), keyY)
	case len(shape) != 3 || shape[0] != frames || shape[1] != n || shape[2] != n || frames < 1:
		return refuse(http.StatusBadRequest, "%s: shape %v with %d %s, expected (frames, %d, %d), one at least",
			keyPatterns, shape, frames, keyIDs, n, n)
	case int64(frames) > most/int64(n*n):
		return refuse(http.StatusRequestEntityTooLarge, "%d frames in one body, where %d may be; send them in parts",
			frames, most/int64(n*n))
	}
	return nil
}

func (s *scan) framesOfNPZ(body []byte, most int64) (f newFrames, err error) {
	r, err := npz.NewReader("the body", bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return f, err
	}
	var shape []int // of the patterns
	for _, key := range []string{keyIDs, keyX, keyY, keyPatterns} {
		if shape, err = arrayShape(r, key, most); err != nil {
			return f, err
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
	if err := s.checkSizes(f, shape, most); err != nil {
		return f, err
	}
	patterns, err := r.Float32(keyPatterns)
	if err != nil {
		return f, err
	}
	f.patterns = patterns.Data
	for i, v := range f.patterns {
		if err := setAmplitude(f.patterns, i, float64(v)); err != nil {
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
	m, n := len(f.ids), s.model.Contract.N
	if err := s.checkSizes(f, []int{m, n, n}, most); err != nil {
		return f, err
	}
	f.patterns, err = fromJSON(given.Patterns, []int64{int64(m), int64(n), int64(n)}, int64(m*n*n))
	return f, err
}
