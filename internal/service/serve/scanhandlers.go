package serve

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"ptyx/internal/format/render"
)

// withScan finds the scan of a request's address.
func (s *Server) withScan(next func(w http.ResponseWriter, r *http.Request, a *scan) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := s.scans.find(r.PathValue("scan"))
		if err == nil {
			err = next(w, r, a)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// maxPasses is more than any refining needs.
const maxPasses = 10000

// check refuses options that make no sense, and fills in what was left out.
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
		return fault("model %s takes %d neighbours at once, and frames come one by one; use a model of single patterns", o.Model, m.Contract.Channels)
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
		return fault("refine %d, which this server does not do", o.Refine)
	case utf8.RuneCountInString(o.Name) > 100:
		return fault("a name of %d characters, expected 100 at most", utf8.RuneCountInString(o.Name))
	}
	return m, nil
}

func (s *Server) createScan(w http.ResponseWriter, r *http.Request) {
	a, err := s.create(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/v1/scans/"+a.id)
	writeJSON(w, http.StatusCreated, a.status())
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) (*scan, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	body, release, err := s.body(ctx, w, r)
	if err != nil {
		return nil, err
	}
	defer release()
	var o scanOptions
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decodeJSON(body, &o); err != nil {
			return nil, err
		}
	}
	m, err := o.check(s)
	if err != nil {
		return nil, err
	}
	return s.scans.create(m, o)
}

func (s *Server) statuses() []status {
	all := []status{}
	for _, a := range s.scans.list() {
		all = append(all, a.status())
	}
	return all
}

func (s *Server) listScans(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"scans": s.statuses()})
}

func (s *Server) scanStatus(w http.ResponseWriter, _ *http.Request, a *scan) error {
	writeJSON(w, http.StatusOK, a.status())
	return nil
}

func (s *Server) deleteScan(w http.ResponseWriter, _ *http.Request, a *scan) error {
	if err := s.scans.remove(a); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) postFrames(w http.ResponseWriter, r *http.Request, a *scan) error {
	if a.isReturning() {
		return errReturning
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	body, release, err := s.body(ctx, w, r)
	if err != nil {
		return err
	}
	defer release()
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
	now := a.status()
	writeJSON(w, http.StatusOK, map[string]any{"id": a.id, "stitched": stitched, "repeated": repeated, "frames": now.Frames})
	return nil
}

// finishScan takes no more frames. What is to be refined is refined after the answer.
func (s *Server) finishScan(w http.ResponseWriter, r *http.Request, a *scan) error {
	if a.isReturning() {
		return errReturning
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
	defer cancel()
	if a.stored != nil { // before the gate is shut: where the disk is full, the scan goes on
		if err := a.stored.Finish(); err != nil {
			return err
		}
	}
	if err := a.close(ctx); err != nil {
		return err
	}
	code := http.StatusOK
	refine, err := s.conclude(a)
	if err != nil {
		return err
	}
	if refine {
		code = http.StatusAccepted
	}
	a.tell()
	writeJSON(w, code, a.status())
	return nil
}

// conclude has a scan refined that is to be; the server counts that as work until it is done.
func (s *Server) conclude(a *scan) (refine bool, err error) {
	if !a.settle(s.options.Refine != nil) {
		return false, nil
	}
	if !s.gate.enter() {
		a.spoil("the server is shutting down")
		return false, errClosing
	}
	s.scans.refine(a, s.options.Refine, s.gate.leave)
	return true, nil
}

// spoil says that the scan will not be refined.
func (s *scan) spoil(why string) {
	s.mu.Lock()
	s.state, s.problem = failed, why
	s.mu.Unlock()
	s.tell()
}

func (s *Server) scanObject(w http.ResponseWriter, _ *http.Request, a *scan) error {
	file, err := a.object()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="reconstruction.npz"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	_, _ = w.Write(file) // the client may have gone
	return nil
}

// picture is a PNG file of a version of the object.
type picture struct {
	version int
	file    []byte
}

// rasterSide is the longer side of a picture without axes, at most.
const rasterSide = 512

// scanPicture answers with one of the pictures that infer draws, or, for ?view=plain, with its pixels alone.
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
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Content-Length", strconv.Itoa(len(p.file)))
		_, _ = w.Write(p.file)
		return nil
	}
}

// picture draws, unless it was drawn of this very version. One is drawn at a time.
func (s *scan) picture(ctx context.Context, what string, plain bool) (picture, error) {
	select {
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return picture{}, ctx.Err()
	}
	r, version, err := s.result()
	if err != nil {
		return picture{}, err
	}
	key := fmt.Sprint(what, plain)
	s.mu.Lock()
	p, known := s.pictures[key]
	s.mu.Unlock()
	if known && p.version == version {
		return p, nil
	}
	p = picture{version: version}
	for _, d := range r.Pictures() {
		if d.What != what {
			continue
		}
		panel, err := d.Panel()
		if err != nil {
			return p, err
		}
		if plain {
			p.file, err = panel.Raster(rasterSide)
		} else {
			var b bytes.Buffer
			err = render.SheetTo(&b, [][]render.Cell{{panel}})
			p.file = b.Bytes()
		}
		if err != nil {
			return p, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return p, errGone
	}
	s.pictures[key] = p
	return p, nil
}

// tick is how often a stream tells of changes, at most; beat is how often it says something at least, so that a client
// that has gone is noticed.
const (
	tick = 500 * time.Millisecond
	beat = 15 * time.Second
)
