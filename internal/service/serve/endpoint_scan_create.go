package serve

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"unicode/utf8"
)

// createScan creates a scan: POST /v1/scans.
func (s *Server) createScan(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	return s.withBody(ctx, w, r, func(body []byte, held *reservation) error {
		var o scanOptions
		if len(bytes.TrimSpace(body)) > 0 {
			if err := held.add(int64(len(body))); err != nil { // the probe's members are copies
				return err
			}
			if err := decodeJSON(body, &o); err != nil {
				return err
			}
		}
		m, err := o.check(s)
		if err != nil {
			return err
		}
		own, err := o.readProbe(m, held)
		if err != nil {
			return err
		}
		a, err := s.scans.create(m, o, own)
		if err != nil {
			return err
		}
		w.Header().Set("Location", "/v1/scans/"+a.id)
		writeJSON(w, http.StatusCreated, a.status())
		return nil
	})
}

// maxPasses is more than any refinement needs.
const maxPasses = 10000

// check validates the options, fills in the only model if none is named, and returns the model.
func (o *scanOptions) check(s *Server) (*served, error) {
	if o.Model == "" && len(s.names) == 1 {
		o.Model = s.names[0]
	}
	m := s.models[o.Model]
	fault := func(format string, args ...any) (*served, error) {
		return nil, refuse(http.StatusBadRequest, format, args...)
	}
	switch {
	case m == nil:
		return nil, refuse(http.StatusNotFound, "no model %.80q", o.Model)
	case m.Contract.Channels != 1:
		return fault("model %s takes groups of %d patterns, but frames arrive singly; use a model of single patterns",
			o.Model, m.Contract.Channels)
	case o.Input != "" && o.Input != "amplitude" && o.Input != "intensity":
		return fault("input %.20q, expected amplitude or intensity", o.Input)
	case o.Positions != "" && o.Positions != "pixels" && o.Positions != "metres":
		return fault("positions %.20q, expected pixels or metres", o.Positions)
	case !(o.PixelSizeNM >= 0) || math.IsInf(o.PixelSizeNM, 0):
		return fault("pixel_size_nm %v, expected a positive number", o.PixelSizeNM)
	case o.Positions == "metres" && o.PixelSizeNM == 0:
		return fault("positions in metres without pixel_size_nm, the size of the object's pixels")
	case o.Refine < 0 || o.Refine > maxPasses:
		return fault("refine %d, expected 0 (not at all) to %d passes", o.Refine, maxPasses)
	case o.Refine > 0 && s.options.Refine == nil:
		return fault("refine %d, but this server has no solver", o.Refine)
	case utf8.RuneCountInString(o.Name) > 100:
		return fault("a name of %d characters, expected 100 at most", utf8.RuneCountInString(o.Name))
	}
	return m, nil
}
