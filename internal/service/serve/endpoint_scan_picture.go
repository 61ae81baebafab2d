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

// rasterSide is the longest side of a picture without axes, in pixels.
const rasterSide = 512

// scanPicture sends a picture of the object so far: GET /v1/scans/{scan}/phase.png and others. With ?view=plain it has
// no axes.
func (s *Server) scanPicture(what string) func(w http.ResponseWriter, r *http.Request, a *scan) error {
	return func(w http.ResponseWriter, r *http.Request, a *scan) error {
		p, err := a.picture(r.Context(), what, r.URL.Query().Get("view") == "plain")
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
func (s *scan) picture(ctx context.Context, what string, plain bool) (picture, error) {
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
	key := fmt.Sprint(what, plain)
	s.mu.Lock()
	p, known := s.pictures[key]
	s.mu.Unlock()
	if known && p.version == object.version {
		return p, nil
	}
	p = picture{version: object.version}
	if p.file, err = draw(object.Result, what, plain); err != nil {
		return p, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return p, errDeleted
	}
	s.pictures[key] = p
	return p, nil
}

// draw draws one of a result's pictures.
func draw(r *reconstruct.Result, what string, plain bool) ([]byte, error) {
	panel, err := r.Panel(what)
	if err != nil {
		return nil, err
	}
	if plain {
		return panel.Raster(rasterSide)
	}
	var b bytes.Buffer
	err = render.SheetTo(&b, [][]render.Cell{{panel}})
	return b.Bytes(), err
}
