package serve

import (
	"bufio"
	"context"
	"net/http"
)

// listScans lists all scans: GET /v1/scans.
func (s *Server) listScans(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{"scans": s.statuses()})
	return nil
}

func (s *Server) statuses() []status {
	all := []status{}
	for _, a := range s.scans.list() {
		all = append(all, a.status())
	}
	return all
}

// scanStatus describes a scan: GET /v1/scans/{scan}.
func (s *Server) scanStatus(w http.ResponseWriter, _ *http.Request, a *scan) error {
	writeJSON(w, http.StatusOK, a.status())
	return nil
}

// deleteScan deletes a scan: DELETE /v1/scans/{scan}.
func (s *Server) deleteScan(w http.ResponseWriter, _ *http.Request, a *scan) error {
	if err := s.scans.remove(a); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// finishScan ends a scan: POST /v1/scans/{scan}/finish. It answers 200 once the patches are turned to one phase, and
// 202 before the solver has refined the object, or if turning takes longer than a request may.
func (s *Server) finishScan(w http.ResponseWriter, r *http.Request, a *scan) error {
	if a.isRestoring() {
		return errRestoring
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	if a.stored != nil { // first, so that the scan stays open if the disk is full
		if err := a.stored.Finish(); err != nil {
			return err
		}
	}
	if err := a.close(ctx); err != nil {
		return err
	}
	if err := s.refineOrFinish(a); err != nil {
		return err
	}
	a.notify()
	if !s.solves(a) {
		select {
		case <-a.rest:
		case <-ctx.Done():
		}
	}
	switch {
	case s.scans.ctx.Err() != nil:
		return errClosing
	case a.ctx.Err() != nil:
		return errDeleted
	}
	code, now := http.StatusOK, a.status()
	if now.State == refining {
		code = http.StatusAccepted
	}
	writeJSON(w, code, now)
	return nil
}

// objectBuffer is the part of an object's file that waits for a slow client, in bytes.
const objectBuffer = 64 << 10

// scanObject streams the object so far as an NPZ file: GET /v1/scans/{scan}/object.npz.
func (s *Server) scanObject(w http.ResponseWriter, _ *http.Request, a *scan) error {
	object, release, err := a.object()
	if err != nil {
		return err
	}
	defer release()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="reconstruction.npz"`)
	body := bufio.NewWriterSize(w, objectBuffer)
	if err = object.Encode(body, a.model.Digest); err == nil {
		err = body.Flush()
	}
	if err != nil {
		panic(http.ErrAbortHandler) // breaks the connection, so that the client takes no part for the file
	}
	return nil
}
