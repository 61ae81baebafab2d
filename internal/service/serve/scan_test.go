package serve

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/listen"
)

// measured are frames of a scan as a client has them.
type measured struct {
	ids      []int64
	x, y     []float64
	patterns []float32
}

const area = size * size

// simulated are frames with random patterns, ids that have gaps, and positions below zero and beyond, some of them
// fractional.
func simulated(frames int) measured {
	rng := rand.New(rand.NewPCG(1, 2))
	m := measured{patterns: make([]float32, frames*area)}
	for i := range frames {
		m.ids = append(m.ids, int64(3*i+i%2))
		m.x, m.y = append(m.x, 40*rng.Float64()-10), append(m.y, 30*rng.Float64()-20)
	}
	for i := range m.patterns {
		m.patterns[i] = rng.Float32()
	}
	return m
}

// of are the frames at some places.
func (m measured) of(places ...int) (out measured) {
	for _, i := range places {
		out.ids, out.x, out.y = append(out.ids, m.ids[i]), append(out.x, m.x[i]), append(out.y, m.y[i])
		out.patterns = append(out.patterns, m.patterns[i*area:(i+1)*area]...)
	}
	return out
}

// npz is a body.
func (m measured) npz(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := npz.WriteTo(&b, []npz.Member{
		{Key: keyPatterns, Value: ndarray.Wrap(m.patterns, len(m.ids), size, size)}, {Key: keyX, Value: m.x},
		{Key: keyY, Value: m.y}, {Key: keyIDs, Value: m.ids},
	}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// expected is the object of a whole scan that is still open, on a canvas that knew all positions.
func (m measured) expected(t testing.TB, o Model) []byte {
	t.Helper()
	return m.expectedWith(t, o, predict.Probe{}, nil, open)
}

// expectedAtLast is the object of a finished scan, as infer makes it.
func (m measured) expectedAtLast(t testing.TB, o Model) []byte {
	t.Helper()
	return m.expectedWith(t, o, predict.Probe{}, nil, finished)
}

// expectedWith is the object of a network that takes a probe, unless it is zero, with further members. Patches of a
// finished scan are turned to one phase.
func (m measured) expectedWith(
	t testing.TB, o Model, probe predict.Probe, extra []npz.Member, state state,
) []byte {
	t.Helper()
	canvas, err := reconstruct.NewCanvas(o.Contract)
	if err == nil {
		err = canvas.Cover(m.x, m.y, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	order := make([]int, len(m.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(m.ids[a] - m.ids[b]) })
	s := m.of(order...)
	patches := reconstruct.KeepPatches(o.Contract, t.TempDir(), 0)
	defer patches.Close()
	for i, id := range s.ids {
		amplitude, phase, patch := make([]float32, area), make([]float32, area), make([]complex64, area)
		x, y := float32(fr.Fraction(s.x[i])), float32(fr.Fraction(s.y[i]))
		for k, d := range s.patterns[i*area : (i+1)*area] {
			amplitude[k], phase[k] = d/2+x, d-1+y
			if probe.Re != nil {
				amplitude[k], phase[k] = amplitude[k]+probe.Re[k], phase[k]+probe.Im[k]
			}
		}
		predict.Complex(o.Contract, amplitude, phase, patch)
		if err := canvas.Add(int(id), s.x[i], s.y[i], patch); err != nil {
			t.Fatal(err)
		}
		patches.Add(reconstruct.Placed{ID: id, X: s.x[i], Y: s.y[i]}, patch)
		patches.See(reconstruct.Placed{ID: id, X: s.x[i], Y: s.y[i]}, s.patterns[i*area:(i+1)*area])
	}
	if state == finished {
		known := reconstruct.Optics{Probe: o.Contract.Probe}
		agreed, err := patches.Agree(t.Context(), canvas, known, nil)
		if err != nil || agreed.Untrended != nil {
			t.Fatal(err, agreed.Untrended)
		}
		if o.Contract.General() && agreed.Trend == nil {
			t.Error("the object has no trend, so that is not tested")
		}
		canvas = agreed.Canvas
	}
	r := reconstruct.Result{Object: canvas.Object(), Coverage: canvas.Coverage(), Spread: canvas.Spread(), X: s.x,
		Y: s.y, IDs: s.ids, Probe: o.Contract.Probe, Provider: o.Predictor.Provider(),
		Fallback: o.Predictor.Fallback(), Extra: extra}
	r.Row, r.Col = canvas.Origin()
	var b bytes.Buffer
	if err := r.Encode(&b, o.Digest); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// scanServer are options of a fake that takes scans.
func scanServer(f *fake) Options {
	o := options(f)
	o.Scans = ScanLimits{Count: 3, Memory: 4 << 20}
	return o
}

// createScan creates a scan and returns its address.
func createScan(t testing.TB, s *Server, body string) string {
	t.Helper()
	w := ask(s, "POST", "/v1/scans", []byte(body))
	if w.Code != http.StatusCreated || !strings.HasPrefix(w.Header().Get("Location"), "/v1/scans/") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

// statusOf is the status of a scan.
func statusOf(t testing.TB, s *Server, path string) (out status) {
	t.Helper()
	w := ask(s, "GET", path, nil)
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return out
}

// TestAnyOrderGivesTheSameBytes: frames in any order and grouping, repeated, and from several clients at once give the
// bytes that ptyx infer writes.
func TestAnyOrderGivesTheSameBytes(t *testing.T) {
	everywhere(t, anyOrderGivesTheSameBytes)
	t.Run("at three workers", func(t *testing.T) {
		anyOrderGivesTheSameBytes(t, func(t testing.TB, o Options) *Server { return atWorkers(t, o, 3, 6) })
	})
}

func anyOrderGivesTheSameBytes(t *testing.T, started starter) {
	f := &fake{channels: 1}
	o := scanServer(f)
	o.Queue = 1000
	s := started(t, o)
	m := simulated(60)
	want := m.expected(t, o.Models[0])
	for _, c := range []struct{ step, clients int }{{1, 1}, {7, 1}, {60, 1}, {5, 4}} {
		path := createScan(t, s, `{"model":"net"}`)
		var all sync.WaitGroup
		for client := range c.clients {
			order := rand.New(rand.NewPCG(uint64(client), 9)).Perm(60) // each client sends all of them
			all.Go(func() {
				for places := range slices.Chunk(order, c.step) {
					if w := ask(s, "POST", path+"/frames", m.of(places...).npz(t)); w.Code != 200 {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				}
			})
		}
		all.Wait()
		w := ask(s, "GET", path+"/object.npz", nil)
		if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("%d clients, %d frames at a time: %d, other bytes than those of the whole scan", c.clients, c.step,
				w.Code)
		}
		now := statusOf(t, s, path)
		if now.Frames != 60 || now.Repeated != 60*(c.clients-1) || now.State != open || now.Extent == nil ||
			now.Extent.Height < 20 {
			t.Errorf("status %+v", now)
		}
		if w := ask(s, "DELETE", path, nil); w.Code != http.StatusNoContent {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if s.scans.budget.used != 0 {
		t.Errorf("after all were deleted: %v", s.scans.budget)
	}
}

func TestFramesInJSONMetresAndCounts(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	s := started(t, o)
	m := simulated(3)
	want := m.expected(t, o.Models[0])
	// the one model; pixels of a metre
	path := createScan(t, s, `{"positions":"metres","pixel_size_nm":1e9,"name":"as is"}`)
	body, err := json.Marshal(map[string]any{"ids": m.ids, "xcoords": m.x, "ycoords": m.y, "diff3d": m.patterns})
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(s, "POST", path+"/frames", body, "Content-Type", "application/json; charset=utf-8"); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "GET", path+"/object.npz", nil); !bytes.Equal(w.Body.Bytes(), want) {
		t.Error("JSON gives other bytes than NPZ")
	}
	path = createScan(t, s, `{"input":"intensity"}`)
	counts := simulated(3)
	roots := simulated(3)
	for i := range counts.patterns {
		roots.patterns[i] = float32(i % 6)
		counts.patterns[i] = roots.patterns[i] * roots.patterns[i]
	}
	if w := ask(s, "POST", path+"/frames", counts.npz(t)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := ask(s, "GET", path+"/object.npz", nil); !bytes.Equal(w.Body.Bytes(), roots.expected(t, o.Models[0])) {
		t.Error("counts give other bytes than their roots")
	}
}

func TestPicturesOfAScan(t *testing.T) {
	s := started(t, scanServer(&fake{channels: 1}))
	path := createScan(t, s, "")
	if w := ask(s, "GET", path+"/phase.png", nil); w.Code != http.StatusConflict {
		t.Errorf("without frames: %d %s", w.Code, w.Body)
	}
	m := simulated(20)
	if w := ask(s, "POST", path+"/frames", m.of(0, 1, 2).npz(t)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	for _, name := range []string{"amplitude", "phase", "coverage", "spread"} {
		w := ask(s, "GET", path+"/"+name+".png", nil)
		if _, err := png.Decode(bytes.NewReader(w.Body.Bytes())); err != nil || w.Code != 200 {
			t.Errorf("%s: %d %v", name, w.Code, err)
		}
		if again := ask(s, "GET", path+"/"+name+".png", nil, "If-None-Match",
			w.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s, asked for again: %d", name, again.Code)
		}
	}
	// The picture is the file that infer writes.
	r, release, err := s.scans.list()[0].object()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	dir := t.TempDir()
	if err := r.Save(dir, "digest"); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(dir, reconstruct.PhaseFile))
	before := ask(s, "GET", path+"/phase.png", nil)
	if err != nil || !bytes.Equal(file, before.Body.Bytes()) {
		t.Errorf("another phase.png than that of infer (%v)", err)
	}
	if w := ask(s, "POST", path+"/frames", m.npz(t)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if after := ask(s, "GET", path+"/phase.png", nil); bytes.Equal(after.Body.Bytes(), before.Body.Bytes()) {
		t.Error("the picture has not changed with the object")
	}
}

// TestRefusedScans: invalid options, ids and frames are refused and leave nothing.
func TestRefusedScans(t *testing.T) {
	f := &fake{channels: 1}
	o := scanServer(f)
	o.Models = append(o.Models, (&fake{channels: 4}).model("four"))
	s := started(t, o)
	for body, c := range map[string]struct {
		status int
		says   string
	}{
		`{"model":"other"}`:                    {404, "other"},
		`{}`:                                   {404, "no model"}, // there are two
		`{"model":"four"}`:                     {400, "groups of 4"},
		`{"model":"net","input":"x"}`:          {400, "intensity"},
		`{"model":"net","positions":"miles"}`:  {400, "metres"},
		`{"model":"net","positions":"metres"}`: {400, "pixel_size_nm"},
		`{"model":"net","pixel_size_nm":-1}`:   {400, "pixel_size_nm"},
		`{"model":"net","refine":-1}`:          {400, "refine"},
		`{"model":"net","refine":5}`:           {400, "no solver"},
		`{"model":"net","name":"` + strings.Repeat("ä", 101) + `"}`: {400, "101"},
		`[`: {400, "body"},
	} {
		if w := ask(s, "POST", "/v1/scans", []byte(body)); w.Code != c.status ||
			!strings.Contains(complaint(t, w), c.says) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	for _, id := range []string{"x", "..%2f..%2fetc", strings.Repeat("0", 32), strings.Repeat("A", 32),
		strings.Repeat("0", 4000)} {
		for _, c := range []struct{ method, rest string }{{"GET", ""}, {"DELETE", ""}, {"POST", "/frames"},
			{"POST", "/finish"}, {"GET", "/object.npz"}, {"GET", "/phase.png"}, {"GET", "/events"}} {
			if w := ask(s, c.method, "/v1/scans/"+id+c.rest, nil); w.Code != 404 || len(complaint(t, w)) > 200 {
				t.Errorf("%s %.40s%s: %d %s", c.method, id, c.rest, w.Code, w.Body)
			}
		}
	}
	path := createScan(t, s, `{"model":"net"}`)
	good := simulated(2)
	members := func(change func(m map[string]any)) []byte {
		m := map[string]any{keyPatterns: ndarray.Wrap(good.patterns, 2, size, size), keyX: good.x, keyY: good.y,
			keyIDs: good.ids}
		change(m)
		var list []npz.Member
		for _, key := range []string{keyPatterns, keyX, keyY, keyIDs} {
			if m[key] != nil {
				list = append(list, npz.Member{Key: key, Value: m[key]})
			}
		}
		var b bytes.Buffer
		if err := npz.WriteTo(&b, list); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	set := func(key string, value any) []byte { return members(func(m map[string]any) { m[key] = value }) }
	spoilt := func(v float32) []byte {
		patterns := slices.Clone(good.patterns)
		for i := range area {
			patterns[i] = v
		}
		return set(keyPatterns, ndarray.Wrap(patterns, 2, size, size))
	}
	nan := math.NaN()
	for name, c := range map[string]struct {
		body   []byte
		status int
		says   string
	}{
		"nothing":         {nil, 400, "empty"},
		"no NPZ":          {[]byte("hello"), 400, "zip"},
		"no patterns":     {set(keyPatterns, nil), 400, keyPatterns},
		"no ids":          {set(keyIDs, nil), 400, keyIDs},
		"too few ids":     {set(keyIDs, []int64{1}), 400, "as many"},
		"too few x":       {set(keyX, []float64{1}), 400, "as many"},
		"another size":    {set(keyPatterns, ndarray.New[float32](2, 4, 4)), 400, "(frames, 8, 8)"},
		"another rank":    {set(keyPatterns, ndarray.New[float32](2*area)), 400, "(frames, 8, 8)"},
		"more than ids":   {set(keyPatterns, ndarray.New[float32](3, size, size)), 400, "2 ids"},
		"a negative id":   {set(keyIDs, []int64{1, -1}), 400, "-1"},
		"a huge id":       {set(keyIDs, []int64{1, 1 << 60}), 400, "expected 0 to"},
		"NaN":             {spoilt(float32(nan)), 400, "NaN"},
		"negative":        {spoilt(-1), 400, "0 or more"},
		"x is NaN":        {set(keyX, []float64{1, nan}), 400, "finite"},
		"x is infinite":   {set(keyX, []float64{1, math.Inf(1)}), 400, "finite"},
		"far apart":       {set(keyX, []float64{0, 1e7}), 400, "xcoords"},
		"far from all":    {set(keyX, []float64{0, 1e300}), 400, "xcoords"},
		"no transmission": {spoilt(100), 422, "amplitudes"},
		"too large a box": {set(keyX, []float64{0, 60000}), 507, "MiB"},
		"too many": {members(func(m map[string]any) {
			m[keyPatterns] = ndarray.New[float32](5000, size,
				size)
		}), 413, "in parts"},
		"lies of its size": {lies(t), 413, "in parts"},
	} {
		w := ask(s, "POST", path+"/frames", c.body)
		if text := complaint(t, w); w.Code != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %s, want %d with %q", name, w.Code, text, c.status, c.says)
		}
	}
	if now := statusOf(t, s, path); now.Frames != 0 || now.Bytes != 0 {
		t.Errorf("status %+v", now)
	}
	if w := ask(s, "POST", path+"/frames", good.npz(t)); w.Code != 200 {
		t.Errorf("good frames afterwards: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "GET", path+"/object.npz", nil); !bytes.Equal(w.Body.Bytes(), good.expected(t, o.Models[0])) {
		t.Error("what was refused has left something in the object")
	}
}

// lies is an archive whose header claims more than any memory holds.
func lies(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, key := range []string{keyPatterns, keyX, keyY, keyIDs} {
		w, err := z.Create(key + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		header := "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8, 8), }"
		header += strings.Repeat(" ", 117-len(header)) + "\n"
		fmt.Fprintf(w, "\x93NUMPY\x01\x00%c\x00%s", len(header), header)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLimitsOfScans(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	o.Scans.Memory = 300 << 10
	s := started(t, o)
	path := createScan(t, s, "")
	createScan(t, s, "")
	createScan(t, s, "")
	if w := ask(s, "POST", "/v1/scans", nil); w.Code != http.StatusTooManyRequests ||
		!strings.Contains(complaint(t, w), "delete one") {
		t.Errorf("a fourth scan: %d %s", w.Code, w.Body)
	}
	m := simulated(400)
	full := 0
	for i := range 25 {
		places := make([]int, 16)
		for k := range places {
			places[k] = 16*i + k
		}
		w := ask(s, "POST", path+"/frames", m.of(places...).npz(t))
		if w.Code == http.StatusInsufficientStorage {
			full++
		} else if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if now := statusOf(t, s, path); full == 0 || now.Frames == 0 || now.Frames != 400-16*full ||
		s.scans.budget.used > o.Scans.Memory {
		t.Errorf("%d posts refused, %v, status %+v", full, s.scans.budget, now)
	}
	if w := ask(s, "DELETE", path, nil); w.Code != http.StatusNoContent || s.scans.budget.used != 0 {
		t.Errorf("deleting: %d, %v", w.Code, s.scans.budget)
	}
	createScan(t, s, "") // there is room again
}

// TestFinish: a finished scan accepts no frames, and the solver gets its frames in the order of their ids.
func TestFinish(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	m := simulated(9)
	proceed := make(chan error)
	o.Refine = func(_ context.Context, r *reconstruct.Result, patterns *ndarray.Float32,
		passes int) (*reconstruct.Result, error) {
		if err := <-proceed; err != nil {
			return nil, err
		}
		if passes != 7 || !slices.Equal(r.IDs, m.ids) || !slices.Equal(patterns.Data, m.patterns) {
			return nil, errors.New("other frames")
		}
		better := *r
		better.Object = ndarray.New[complex64](r.Object.Shape...)
		return &better, nil
	}
	s := started(t, o)
	plain := createScan(t, s, "")
	for range 2 { // finishing again changes nothing
		if w := ask(s, "POST", plain+"/finish", nil); w.Code != 200 || statusOf(t, s, plain).State != finished {
			t.Errorf("without frames: %d %s", w.Code, w.Body)
		}
	}
	if w := ask(s, "POST", plain+"/frames", m.npz(t)); w.Code != http.StatusConflict {
		t.Errorf("frames after the end: %d %s", w.Code, w.Body)
	}
	for _, fails := range []bool{false, true} {
		path := createScan(t, s, `{"refine":7}`)
		if w := ask(s, "POST", path+"/frames", m.of(8, 3, 1, 0, 2, 4, 7, 6, 5).npz(t)); w.Code != 200 {
			t.Fatal(w.Body)
		}
		network := m.expectedAtLast(t, o.Models[0])
		if w := ask(s, "POST", path+"/finish", nil); w.Code != http.StatusAccepted ||
			statusOf(t, s, path).State != refining {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if fails {
			proceed <- errors.New("no convergence")
			eventually(t, "failed", func() bool { return statusOf(t, s, path).State == failed })
			if now := statusOf(t, s, path); now.Error != "no convergence" {
				t.Errorf("status %+v", now)
			}
		} else {
			proceed <- nil
			eventually(t, "finished", func() bool { return statusOf(t, s, path).State == finished })
		}
		if same := bytes.Equal(ask(s, "GET", path+"/object.npz", nil).Body.Bytes(), network); same != fails {
			t.Errorf("failed: %v; the object is the network's: %v", fails, same)
		}
	}
}

// TestDrainWaitsForTheSolver: Drain waits for a running solver, but not for that of a deleted scan.
func TestDrainWaitsForTheSolver(t *testing.T) { synctest.Test(t, drainWaitsForTheSolver) }

func drainWaitsForTheSolver(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	begun := make(chan struct{}, 2)
	proceed := make(chan struct{})
	o.Refine = func(ctx context.Context, r *reconstruct.Result, _ *ndarray.Float32, _ int) (*reconstruct.Result,
		error) {
		begun <- struct{}{}
		select {
		case <-proceed:
			return r, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s := started(t, o)
	begins := func() string {
		path := createScan(t, s, `{"refine":1}`)
		if w := ask(s, "POST", path+"/frames", simulated(2).npz(t)); w.Code != 200 {
			t.Fatal(w.Body)
		}
		if w := ask(s, "POST", path+"/finish", nil); w.Code != http.StatusAccepted {
			t.Fatal(w.Body)
		}
		return path
	}
	gone := begins()
	<-begun
	if w := ask(s, "DELETE", gone, nil); w.Code != http.StatusNoContent {
		t.Error(w.Body)
	}
	begins() // its solver has the turn, now that the other was cancelled
	<-begun
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(t.Context()) }()
	synctest.Wait()
	select {
	case err := <-drained:
		t.Errorf("drained while the solver works: %v", err)
	default:
	}
	close(proceed)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if w := ask(s, "POST", "/v1/scans", nil); w.Code != 503 {
		t.Errorf("a new scan: %d", w.Code)
	}
}

// TestFrameInTwoPosts: the second post of a frame waits for the first one, and computes the frame if the first is
// cancelled.
func TestFrameInTwoPosts(t *testing.T) {
	f, begun, proceed := gated()
	s := started(t, scanServer(f))
	path := createScan(t, s, "")
	a := s.scans.list()[0]
	m := simulated(1)
	frames := newFrames(m)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, _, err := a.add(ctx, frames); first <- err }()
	<-begun
	go func() {
		n, repeated, err := a.add(t.Context(), frames)
		if n != 1 || repeated != 0 {
			t.Errorf("%d stitched, %d repeated", n, repeated)
		}
		second <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	proceed <- nil // of the first one, for nobody
	<-begun
	proceed <- nil
	if err := <-second; err != nil {
		t.Error(err)
	}
	if now := statusOf(t, s, path); now.Frames != 1 {
		t.Errorf("status %+v", now)
	}
}

// TestEvents: a stream sends the state of the scans at once and after each change, and ends with the server.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := started(t, scanServer(&fake{channels: 1}))
	url, stop, ended := running(t, s, listen.Address{})
	c := client(t)
	path := createScan(t, s, `{"name":"star"}`)
	lines := func(path string) (*bufio.Scanner, func()) {
		r, err := c.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %v", path, r.Header)
		}
		return bufio.NewScanner(r.Body), func() { r.Body.Close() }
	}
	until := func(events *bufio.Scanner, text string) {
		t.Helper()
		for events.Scan() {
			if strings.Contains(events.Text(), text) {
				return
			}
		}
		t.Errorf("the stream has ended without %q", text)
	}
	list, closeList := lines("/v1/events")
	defer closeList()
	one, closeOne := lines(path + "/events")
	defer closeOne()
	until(list, `"name":"star"`)
	until(one, `"frames":0`)
	if w := ask(s, "POST", path+"/frames", simulated(2).npz(t)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	until(list, `"frames":2`)
	until(one, `"frames":2`)
	if w := ask(s, "DELETE", path, nil); w.Code != http.StatusNoContent {
		t.Error(w.Body)
	}
	until(one, "event: gone")
	until(list, `"scans":[]`)
	stop()
	for list.Scan() { // it ends
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPage: the page is public and uses no resources of other machines.
func TestPage(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	o.Token = "secret"
	s := started(t, o)
	for path, want := range map[string]string{
		"/": "<title>ptyx", "/page.js": "/view/viewer.js", "/page.css": "#list", "/view/viewer.js": "class Viewer",
		"/view/viewer.css": ":root",
	} {
		w := ask(s, "GET", path, nil)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) ||
			!strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "://") {
			t.Errorf("%s names another place", path)
		}
	}
	if w := ask(s, "GET", "/view/nothing.js", nil); w.Code != http.StatusNotFound || complaint(t, w) == "" {
		t.Errorf("a file that the page does not have: %d %s", w.Code, w.Body)
	}
	scan := "/v1/scans/" + strings.Repeat("0", 32)
	for _, path := range []string{"/v1/scans", "/v1/events", scan, scan + "/stream"} {
		if w := ask(s, "GET", path, nil); w.Code != 401 {
			t.Errorf("%s without a token: %d", path, w.Code)
		}
	}
	if w := ask(s, "POST", "/v1/scans", nil); w.Code != 401 {
		t.Errorf("a scan without a token: %d", w.Code)
	}
	if w := ask(s, "POST", scan+"/view", nil); w.Code != 401 {
		t.Errorf("a view without a token: %d", w.Code)
	}
}
