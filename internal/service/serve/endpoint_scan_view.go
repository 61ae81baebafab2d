package serve

import (
	"context"
	"errors"
	"net/http"

	"ptyx/internal/service/viewer"
)

// scanStream streams the growing object to a page until the scan is deleted: GET /v1/scans/{scan}/stream.
func (s *Server) scanStream(w http.ResponseWriter, r *http.Request, a *scan) error {
	ctx, leave, err := s.enterStream(r)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)()
	return ofViewer(a.view.Stream(w, r.WithContext(ctx)))
}

// scanView takes in which part of the object a page shows: POST /v1/scans/{scan}/view.
func (s *Server) scanView(w http.ResponseWriter, r *http.Request, a *scan) error {
	if err := a.view.SetView(r); err != nil {
		return ofViewer(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// viewFile sends a file of the page that shows an object: GET /view/{file}. It is public, since modules of a page bear
// no token.
func viewFile(w http.ResponseWriter, r *http.Request) error {
	return ofViewer(viewer.ServeFile(w, r.PathValue("file")))
}

// ofViewer gives an error of package viewer its status.
func ofViewer(err error) error {
	switch {
	case errors.Is(err, viewer.ErrBusy):
		return refuse(http.StatusTooManyRequests, "%s", err)
	case errors.Is(err, viewer.ErrStream), errors.Is(err, viewer.ErrFile):
		return refuse(http.StatusNotFound, "%s", err)
	case err != nil:
		return refuse(http.StatusBadRequest, "%s", err)
	}
	return nil
}
