package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/reconstruct"
)

// storing are options of a fake that keeps scans in a directory.
func storing(dir string) Options {
	o := scanServer(&fake{channels: 1})
	o.Store = dir
	return o
}

// until runs a server for a while. What it holds in memory is lost with it.
func until(t *testing.T, o Options, while func(s *Server)) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	while(s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// ready waits until all scans are back.
func ready(t *testing.T, s *Server) {
	t.Helper()
	eventually(t, "ready", func() bool { return ask(s, "GET", "/v2/health/ready", nil).Code == 200 })
}

func post(t *testing.T, s *Server, scan string, m measured) {
	t.Helper()
	if w := ask(s, "POST", scan+"/frames", m.npz(t)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func object(s *Server, scan string) []byte {
	return ask(s, "GET", scan+"/object.npz", nil).Body.Bytes()
}

// TestRestoringScans: servers that end in the middle of several scans leave objects with the bytes of an undisturbed
// one.
func TestRestoringScans(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "store")
	m := simulated(30)
	at := func(from, to int) measured {
		var places []int
		for i := from; i < to; i++ {
			places = append(places, i)
		}
		return m.of(places...)
	}
	var first, second, gone string
	until(t, storing(dir), func(s *Server) {
		first, gone, second = createScan(t, s, `{"name":"first"}`), createScan(t, s, ""),
			createScan(t, s, `{"input":"intensity","name":"second"}`)
		post(t, s, first, at(0, 7))
		post(t, s, gone, at(0, 3))
		if w := ask(s, "DELETE", gone, nil); w.Code != http.StatusNoContent {
			t.Error(w.Body)
		}
	})
	counts := at(0, 30)
	for i, v := range counts.patterns {
		counts.patterns[i] = v * v
	}
	until(t, storing(dir), func(s *Server) {
		ready(t, s)
		if now := statusOf(t, s, first); now.Frames != 7 || now.State != open || now.Name != "first" {
			t.Errorf("status %+v", now)
		}
		if w := ask(s, "GET", gone, nil); w.Code != 404 {
			t.Errorf("one that was deleted: %d", w.Code)
		}
		post(t, s, first, at(5, 20))
		post(t, s, second, counts)
		finishScan(t, s, second)
	})
	o := storing(dir)
	until(t, o, func(s *Server) {
		ready(t, s)
		var names []string
		for _, now := range s.statuses() {
			names = append(names, now.Name)
		}
		if !slices.Equal(names, []string{"first", "second"}) {
			t.Errorf("listed: %v, not in the order of creation", names)
		}
		post(t, s, first, at(18, 30))
		if !bytes.Equal(object(s, first), m.expected(t, o.Models[0])) {
			t.Error("the first scan has another object")
		}
		if now := statusOf(t, s, second); now.State != finished || now.Frames != 30 {
			t.Errorf("status %+v", now)
		}
		if w := ask(s, "POST", second+"/frames", at(0, 1).npz(t)); w.Code != http.StatusConflict {
			t.Errorf("frames after the end: %d", w.Code)
		}
		roots := at(0, 30)
		for i, v := range roots.patterns {
			roots.patterns[i] = float32(math.Sqrt(float64(v * v)))
		}
		if !bytes.Equal(object(s, second), roots.expectedAtLast(t, o.Models[0])) {
			t.Error("the second scan has another object")
		}
		third := createScan(t, s, "")
		if now := s.scans.list(); now[2].id != path.Base(third) {
			t.Error("a new scan is not the last one")
		}
	})
}

// TestRestoringState: during a restore the server reports it, accepts other work, and returns no incomplete object.
func TestRestoringState(t *testing.T) {
	dir := t.TempDir()
	m := simulated(4)
	var scan string
	until(t, storing(dir), func(s *Server) {
		scan = createScan(t, s, "")
		post(t, s, scan, m)
	})
	f, begun, proceed := gated()
	o := scanServer(f)
	o.Store = dir
	s := started(t, o)
	<-begun
	if w := ask(s, "GET", "/v2/health/ready", nil); w.Code != 503 {
		t.Errorf("ready: %d", w.Code)
	}
	if now := statusOf(t, s, scan); now.State != restoring {
		t.Errorf("status %+v", now)
	}
	for _, c := range []struct{ method, rest string }{{"POST", "/frames"}, {"POST", "/finish"},
		{"GET", "/object.npz"}} {
		w := ask(s, c.method, scan+c.rest, m.npz(t))
		if w.Code != 503 || w.Header().Get("Retry-After") == "" ||
			!strings.Contains(complaint(t, w), "being restored") {
			t.Errorf("%s: %d %s", c.rest, w.Code, w.Body)
		}
	}
	deleted := createScan(t, s, "") // another scan is taken
	if w := ask(s, "DELETE", deleted, nil); w.Code != 204 {
		t.Error(w.Body)
	}
	close(proceed)
	ready(t, s)
	if !bytes.Equal(object(s, scan), m.expected(t, o.Models[0])) {
		t.Error("another object")
	}
}

// TestNetworkFailureWhileRestoring: a restore waits for a network that fails, and then continues.
func TestNetworkFailureWhileRestoring(t *testing.T) {
	o := storing(t.TempDir())
	m := simulated(5)
	var scan string
	until(t, o, func(s *Server) {
		scan = createScan(t, s, "")
		post(t, s, scan, m)
	})
	var well atomic.Bool
	f := o.Models[0].Predictor.(*fake)
	f.run = func(int) error {
		if well.Load() {
			return nil
		}
		return errors.New("not now")
	}
	until(t, o, func(s *Server) {
		eventually(t, "the status says so", func() bool {
			now := statusOf(t, s, scan)
			return now.State == restoring &&
				now.Error != ""
		})
		if w := ask(s, "GET", "/v2/health/ready", nil); w.Code != 503 {
			t.Errorf("ready: %d", w.Code)
		}
		well.Store(true)
		ready(t, s)
		if now := statusOf(t, s, scan); now.Error != "" || !bytes.Equal(object(s, scan), m.expected(t, o.Models[0])) {
			t.Errorf("status %+v, or another object", now)
		}
	})
}

// TestDeletingWhileRestoring: a scan deleted during its restore is gone from memory and disk.
func TestDeletingWhileRestoring(t *testing.T) {
	dir := t.TempDir()
	var scan string
	until(t, storing(dir), func(s *Server) {
		scan = createScan(t, s, "")
		post(t, s, scan, simulated(4))
	})
	f, begun, proceed := gated()
	o := scanServer(f)
	o.Store = dir
	until(t, o, func(s *Server) {
		<-begun
		if w := ask(s, "DELETE", scan, nil); w.Code != 204 {
			t.Error(w.Body)
		}
		close(proceed)
		ready(t, s)
		if s.scans.budget.used != 0 {
			t.Errorf("held: %v", s.scans.budget)
		}
	})
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 { // the lock
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestClosingWhileRestoring: the next server restores the scan from the beginning.
func TestClosingWhileRestoring(t *testing.T) {
	dir := t.TempDir()
	m := simulated(12)
	var scan string
	until(t, storing(dir), func(s *Server) {
		scan = createScan(t, s, "")
		for i := range 12 {
			post(t, s, scan, m.of(i))
		}
	})
	begun, proceed := make(chan bool), make(chan bool)
	batches := 0
	f := &fake{channels: 1, run: func(int) error {
		if batches++; batches == 5 {
			close(begun)
			<-proceed
		}
		return nil
	}}
	o := scanServer(f)
	o.Store = dir
	until(t, o, func(s *Server) {
		<-begun
		context.AfterFunc(s.scans.ctx, func() { close(proceed) }) // while the server closes
	})
	o = storing(dir)
	until(t, o, func(s *Server) {
		ready(t, s)
		if !bytes.Equal(object(s, scan), m.expected(t, o.Models[0])) {
			t.Error("another object")
		}
	})
}

// TestRestoringARefinedScan: a scan that was finished is refined again after a restart, from the same frames in the
// same order.
func TestRestoringARefinedScan(t *testing.T) {
	dir := t.TempDir()
	m := simulated(9)
	o := storing(dir)
	o.Refine = func(ctx context.Context, _ *reconstruct.Result, _ *ndarray.Float32, _ int) (*reconstruct.Result,
		error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var scan string
	until(t, o, func(s *Server) {
		scan = createScan(t, s, `{"refine":7}`)
		post(t, s, scan, m.of(8, 3, 1, 0, 2, 4, 7, 6, 5))
		if w := ask(s, "POST", scan+"/finish", nil); w.Code != http.StatusAccepted {
			t.Error(w.Body)
		}
	})
	var objects [][]byte
	for range 2 {
		o := storing(dir)
		o.Refine = func(_ context.Context, r *reconstruct.Result, patterns *ndarray.Float32,
			passes int) (*reconstruct.Result, error) {
			if passes != 7 || !slices.Equal(r.IDs, m.ids) || !slices.Equal(patterns.Data, m.patterns) {
				return nil, errors.New("other frames")
			}
			better := *r
			better.Object = ndarray.New[complex64](r.Object.Shape...)
			return &better, nil
		}
		until(t, o, func(s *Server) {
			eventually(t, "finished", func() bool { return statusOf(t, s, scan).State == finished })
			if now := statusOf(t, s, scan); now.Error != "" {
				t.Errorf("status %+v", now)
			}
			objects = append(objects, object(s, scan))
		})
	}
	if len(objects[0]) == 0 || !bytes.Equal(objects[0], objects[1]) {
		t.Error("two servers have refined it to different objects")
	}
}

// TestUnservableScans: a stored scan that does not suit the server is logged, not served and not changed. A suitable
// server restores it.
func TestUnservableScans(t *testing.T) {
	m := simulated(9)
	for name, c := range map[string]struct {
		change func(o *Options, scan string) // of the server, or of what is kept
		says   string
	}{
		"another model":        {func(o *Options, _ string) { o.Models[0].Digest = "another" }, "another file"},
		"a model of that name": {func(o *Options, _ string) { o.Models[0].Name = "other" }, "no model"},
		"no solver":            {func(o *Options, _ string) { o.Refine = nil }, "no solver"},
		"fewer scans":          {func(o *Options, _ string) { o.Scans.Count = 0 }, "--scans"},
		"less memory":          {func(o *Options, _ string) { o.Scans.Memory = 5 << 10 }, "--scan-memory"},
		"no head": {func(_ *Options, scan string) { must(t, os.Remove(filepath.Join(scan, "scan.json"))) },
			"no such file"},
		"a head of something": {func(_ *Options, scan string) {
			must(t, os.WriteFile(filepath.Join(scan, "scan.json"), []byte("hello"), 0o600))
		}, "no JSON"},
		"no journal": {func(_ *Options, scan string) { must(t, os.Remove(filepath.Join(scan, "frames.journal"))) },
			"journal"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			options := func() Options {
				o := storing(dir)
				o.Refine = func(_ context.Context, r *reconstruct.Result, _ *ndarray.Float32,
					_ int) (*reconstruct.Result, error) {
					return r, nil
				}
				return o
			}
			var scan string
			until(t, options(), func(s *Server) {
				scan = createScan(t, s, `{"refine":1}`)
				post(t, s, scan, m)
			})
			kept := filepath.Join(dir, path.Base(scan))
			before := filepath.Join(t.TempDir(), "before")
			must(t, os.CopyFS(before, os.DirFS(kept)))
			o := options()
			c.change(&o, kept)
			changed := contents(t, kept)
			var log syncLog
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			until(t, o, func(s *Server) {
				ready(t, s)
				if w := ask(s, "POST", scan+"/frames", m.npz(t)); w.Code != http.StatusConflict ||
					!strings.Contains(complaint(t, w), "log") {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if len(s.statuses()) != 0 || s.scans.budget.used != 0 {
					t.Errorf("%v, %v", s.statuses(), s.scans.budget)
				}
			})
			if text := log.String(); strings.Count(text, "a stored scan is not served") != 1 ||
				!strings.Contains(text, c.says) || !strings.Contains(text, path.Base(scan)) {
				t.Errorf("the log does not say %q once: %s", c.says, text)
			}
			if now := contents(t, kept); now != changed {
				t.Errorf("before: %s\nafter: %s", changed, now)
			}
			must(t, os.RemoveAll(kept))
			must(t, os.CopyFS(kept, os.DirFS(before)))
			until(t, options(), func(s *Server) {
				ready(t, s)
				if !bytes.Equal(object(s, scan), m.expected(t, o.Models[0])) && c.says != "another file" &&
					c.says != "no model" {
					t.Error("it has come back as another object")
				}
			})
		})
	}
}

// TestRestoringADamagedScan: the frames before the damage are restored, the scan says so, and the others can be sent
// again.
func TestRestoringADamagedScan(t *testing.T) {
	dir := t.TempDir()
	m := simulated(9)
	var scan string
	until(t, storing(dir), func(s *Server) {
		scan = createScan(t, s, "")
		for i := range 9 {
			post(t, s, scan, m.of(i))
		}
	})
	journal := filepath.Join(dir, path.Base(scan), "frames.journal")
	data, err := os.ReadFile(journal)
	must(t, err)
	data[len(data)/9*5+100] ^= 1 // of the sixth record
	must(t, os.WriteFile(journal, data, 0o600))
	for range 2 { // the second time nothing is damaged any more
		o := storing(dir)
		until(t, o, func(s *Server) {
			ready(t, s)
			now := statusOf(t, s, scan)
			if now.Frames == 5 {
				if !strings.Contains(now.Error, "damaged at byte") ||
					!bytes.Equal(object(s, scan), m.of(0, 1, 2, 3, 4).expected(t, o.Models[0])) {
					t.Errorf("status %+v", now)
				}
				post(t, s, scan, m)
			} else if now.Frames != 9 || now.Error != "" {
				t.Errorf("status %+v", now)
			}
			if !bytes.Equal(object(s, scan), m.expected(t, o.Models[0])) {
				t.Error("another object")
			}
		})
	}
	aside, err := filepath.Glob(filepath.Join(dir, path.Base(scan), "frames.damaged-*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("put aside: %v, %v", aside, err)
	}
	if rest, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(rest, data[len(data)/9*5:]) {
		t.Errorf("%d bytes are put aside, %v", len(rest), err)
	}
}

// TestRefusedFramesAreNotStored: frames that the object cannot hold are not restored.
func TestRefusedFramesAreNotStored(t *testing.T) {
	dir := t.TempDir()
	m := simulated(3)
	var scan string
	until(t, storing(dir), func(s *Server) {
		scan = createScan(t, s, "")
		post(t, s, scan, m.of(0))
		for status, change := range map[int]func(m *measured){
			422: func(m *measured) { m.patterns = slices.Repeat([]float32{1000}, area) }, // no transmission
			507: func(m *measured) { m.x[0] = 60000 },                                    // memory
			400: func(m *measured) { m.x[0] = 1e7 },                                      // no canvas is so large
		} {
			bad := m.of(1)
			change(&bad)
			if w := ask(s, "POST", scan+"/frames", bad.npz(t)); w.Code != status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, status)
			}
		}
		post(t, s, scan, m.of(2))
	})
	o := storing(dir)
	until(t, o, func(s *Server) {
		ready(t, s)
		if !bytes.Equal(object(s, scan), m.of(0, 2).expected(t, o.Models[0])) {
			t.Error("other frames have come back")
		}
		post(t, s, scan, m.of(1))
		if !bytes.Equal(object(s, scan), m.expected(t, o.Models[0])) {
			t.Error("another object")
		}
	})
}

func TestOneServerForAStore(t *testing.T) {
	o := storing(t.TempDir())
	until(t, o, func(*Server) {
		_, err := New(storing(o.Store))
		var fault *badinput.Error
		if !errors.As(err, &fault) || fault.Key != "--store" || !strings.Contains(err.Error(), "another server uses") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("a second server: %v", err)
		}
	})
	until(t, o, func(*Server) {}) // it is free again
}

// contents are names and sizes and what is in the files.
func contents(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var all []string
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		text, err := json.Marshal(data)
		must(t, err)
		all = append(all, e.Name(), string(text))
	}
	return strings.Join(all, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// syncLog is a log that several goroutines write.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncLog) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestFullDisk: frames that do not fit on the disk are refused and not in the object. The scan continues when there is
// room.
func TestFullDisk(t *testing.T) { testutil.InChild(t, func() { aFullDisk(t) }) }

func aFullDisk(t *testing.T) {
	dir := t.TempDir()
	m := simulated(3)
	o := storing(dir)
	var scan string
	until(t, o, func(s *Server) {
		scan = createScan(t, s, "")
		post(t, s, scan, m.of(0))
		alone := object(s, scan)
		var before unix.Rlimit
		must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &before))
		// no file grows beyond 100 bytes
		must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 100, Max: before.Max}))
		for _, c := range []struct{ method, path string }{{"POST", scan + "/frames"}, {"POST", "/v1/scans"},
			{"POST", scan + "/finish"}} {
			var body []byte
			if c.path == scan+"/frames" {
				body = m.npz(t)
			}
			if w := ask(s, c.method, c.path, body); w.Code != 507 ||
				!strings.Contains(complaint(t, w), "disk does not take it: file too large") {
				t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
			}
		}
		must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &before))
		if now := statusOf(t, s, scan); now.Frames != 1 || now.State != open || !bytes.Equal(object(s, scan), alone) ||
			len(s.statuses()) != 1 {
			t.Errorf("status %+v", now)
		}
		post(t, s, scan, m)
		finishScan(t, s, scan)
	})
	until(t, o, func(s *Server) {
		ready(t, s)
		if now := statusOf(t, s, scan); now.State != finished ||
			!bytes.Equal(object(s, scan), m.expectedAtLast(t, o.Models[0])) {
			t.Errorf("status %+v, or another object", now)
		}
	})
}
