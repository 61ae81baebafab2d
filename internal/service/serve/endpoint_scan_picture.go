package serve

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"ptyx/internal/format/render"
	"ptyx/internal/recon/reconstruct"
)

// picture is a PNG file of a version of the object.
type picture struct {
	version int
	file    []byte
}

// scanPicture sends a picture of the object so far: GET /v1/scans/{scan}/phase.png and others.
func (s *Server) scanPicture(what string) func(w http.ResponseWriter, r *http.Request, a *scan) error {
	return func(w http.ResponseWriter, r *http.Request, a *scan) error {
		p, err := a.picture(r.Context(), what)
		if err != nil {
			return err
		}
		tag := fmt.Sprintf(`"%d"`, p.version)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		writeBody(w, http.StatusOK, "image/png", p.file)
		return nil
	}
}

// picture draws the current version, or returns the earlier drawing of it. It draws one picture at a time.
func (s *scan) picture(ctx context.Context, what string) (picture, error) {
	select {
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return picture{}, ctx.Err()
	}
	object, release, err := s.object()
	if err != nil {
		return picture{}, err
	}
	defer release()
	s.mu.Lock()
	p, known := s.pictures[what]
	s.mu.Unlock()
	if known && p.version == object.version {
		return p, nil
	}
	p = picture{version: object.version}
	if p.file, err = draw(object.Result, what); err != nil {
		return p, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return p, errDeleted
	}
	s.pictures[what] = p
	return p, nil
}

// draw draws one of a result's pictures.
func draw(r *reconstruct.Result, what string) ([]byte, error) {
	panel, err := r.Panel(what)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = render.SheetTo(&b, [][]render.Cell{{panel}})
	return b.Bytes(), err
}
