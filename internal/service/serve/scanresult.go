package serve

import (
	"bytes"
	"net/http"

	"ptyx/internal/recon/reconstruct"
)

// result is the object so far, of the network alone or refined. It is shared and not to be changed.
func (s *scan) result() (r *reconstruct.Result, version int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.deleted:
		return nil, 0, errGone
	case s.state == returning:
		return nil, 0, errReturning
	case len(s.frames) == 0:
		return nil, 0, refuse(http.StatusConflict, "the scan has no frames yet")
	case s.refined != nil:
		return s.refined, s.version, nil
	case s.snapshot != nil && s.taken == s.version:
		return s.snapshot, s.version, nil
	}
	r = reconstruct.OfFrames(s.canvas, reconstruct.Providers(s.providers), s.model.Contract.Probe, s.frames, frame.position)
	s.snapshot, s.taken = r, s.version
	return r, s.version, nil
}

// object is the NPZ file of the object.
func (s *scan) object() ([]byte, error) {
	r, _, err := s.result()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := r.Encode(&b, s.model.Digest); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// extent is the box of the object in the scan's frame.
type extent struct {
	Row    int `json:"row"`
	Col    int `json:"col"`
	Height int `json:"height"`
	Width  int `json:"width"`
}

// status is what is told of a scan.
type status struct {
	ID          string  `json:"id"`
	Name        string  `json:"name,omitempty"`
	Model       string  `json:"model"`
	State       state   `json:"state"`
	Frames      int     `json:"frames"`
	Repeated    int     `json:"repeated"`
	Version     int     `json:"version"` // of the object
	Extent      *extent `json:"extent,omitempty"`
	PixelSizeNM float64 `json:"pixel_size_nm,omitempty"`
	Refine      int     `json:"refine,omitempty"`
	Bytes       int64   `json:"bytes"`
	Error       string  `json:"error,omitempty"`
}

func (s *scan) status() status {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := status{
		ID: s.id, Name: s.options.Name, Model: s.model.Name, State: s.state, Frames: len(s.frames), Repeated: s.repeated, Version: s.version,
		PixelSizeNM: s.options.PixelSizeNM, Refine: s.options.Refine, Bytes: s.held, Error: s.problem,
	}
	if len(s.frames) > 0 {
		e := &extent{}
		e.Row, e.Col = s.canvas.Origin()
		e.Height, e.Width = s.canvas.Size()
		t.Extent = e
	}
	return t
}
