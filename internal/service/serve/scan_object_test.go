package serve

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"ptyx/internal/format/npz"
)

// slowClient is an answer whose client reads nothing until it is allowed to.
type slowClient struct {
	*httptest.ResponseRecorder
	started, proceed chan struct{}
	once             sync.Once
}

func (c *slowClient) Write(b []byte) (int, error) {
	c.once.Do(func() { close(c.started); <-c.proceed })
	return c.ResponseRecorder.Write(b)
}

// getSlowly requests an object and waits until the server sends. finish lets the client read and returns the answer.
func getSlowly(t *testing.T, s *Server, path string) (finish func() *httptest.ResponseRecorder) {
	t.Helper()
	c := &slowClient{httptest.NewRecorder(), make(chan struct{}), make(chan struct{}), sync.Once{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Handler().ServeHTTP(c, httptest.NewRequest("GET", path+"/object.npz", nil))
	}()
	<-c.started
	return func() *httptest.ResponseRecorder { close(c.proceed); <-ended; return c.ResponseRecorder }
}

// places are the numbers from one to another, without the last.
func places(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// TestSlowReaders: clients that read an object slowly delay neither frames nor other clients. Each gets the version of
// its request, and earlier versions count in the memory of scans until they are read.
func TestSlowReaders(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	s := started(t, o)
	path := createScan(t, s, "")
	m := simulated(60)
	var finish []func() *httptest.ResponseRecorder
	var extra []int64 // bytes that the readers cost
	for i := range 3 {
		post(t, s, path, m.of(places(20*i, 20*i+20)...))
		finish = append(finish, getSlowly(t, s, path), getSlowly(t, s, path))
		extra = append(extra, s.scans.budget.used-statusOf(t, s, path).Bytes)
	}
	for i := range extra {
		last := statusOf(t, s, path).Extent // later objects are not smaller
		if most := snapshotBytes * int64(i*last.Height*last.Width); extra[i] > most || (extra[i] == 0) != (i == 0) {
			t.Errorf("%d versions besides the latest cost %d bytes, expected at most %d", i, extra[i], most)
		}
	}
	for i, f := range finish {
		want := m.of(places(0, 20*(i/2)+20)...).expected(t, o.Models[0])
		if w := f(); w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), want) {
			t.Errorf("reader %d: status %d, another object than that of its time", i, w.Code)
		}
	}
	if held, used := statusOf(t, s, path).Bytes, s.scans.budget.used; held != used {
		t.Errorf("the scan has %d bytes, but %d are claimed after all have read", held, used)
	}
}

// TestReadersWithoutMemory: the server refuses another version if memory is used up and slow clients read earlier ones.
// It gives the memory back when they end, also of a deleted scan.
func TestReadersWithoutMemory(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	s := started(t, o)
	path := createScan(t, s, "")
	m := simulated(40)
	post(t, s, path, m.of(places(0, 20)...))
	finish := getSlowly(t, s, path)
	post(t, s, path, m)
	s.scans.budget.limit = s.scans.budget.used
	w := ask(s, "GET", path+"/object.npz", nil)
	if text := complaint(t, w); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("without memory: %d %s", w.Code, text)
	}
	if w := finish(); w.Code != http.StatusOK {
		t.Errorf("the slow client: %d", w.Code)
	}
	if w := ask(s, "GET", path+"/object.npz", nil); w.Code != http.StatusOK ||
		!bytes.Equal(w.Body.Bytes(), m.expected(t, o.Models[0])) {
		t.Errorf("after the slow client: %d, or another object", w.Code)
	}
	finish = getSlowly(t, s, path)
	if w := ask(s, "DELETE", path, nil); w.Code != http.StatusNoContent || s.scans.budget.used == 0 {
		t.Errorf("deleted while a client reads: %d, %v", w.Code, s.scans.budget)
	}
	if finish(); s.scans.budget.used != 0 {
		t.Errorf("after that client: %v", s.scans.budget)
	}
}

// goneClient is an answer whose client has closed the connection.
type goneClient struct{ *httptest.ResponseRecorder }

func (goneClient) Write([]byte) (int, error) { return 0, errors.New("closed") }

// TestBrokenDownload: a file that cannot be sent completely breaks its connection, or the client would take the part
// for the file. Its memory is given back.
func TestBrokenDownload(t *testing.T) {
	s := started(t, scanServer(&fake{channels: 1}))
	path := createScan(t, s, "")
	post(t, s, path, simulated(9))
	func() {
		defer func() {
			if err := recover(); err != http.ErrAbortHandler {
				t.Errorf("the connection is not broken: %v", err)
			}
		}()
		s.Handler().ServeHTTP(goneClient{httptest.NewRecorder()}, httptest.NewRequest("GET", path+"/object.npz", nil))
	}()
	if p := s.scans.list()[0].latest; p.readers != 0 {
		t.Errorf("%d clients still read", p.readers)
	}
}

// TestFramesDuringASnapshot: the server adds frames while nobody has computed the arrays of a snapshot yet, and the
// snapshot stays that of its moment.
func TestFramesDuringASnapshot(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	s := started(t, o)
	path := createScan(t, s, "")
	m := simulated(40)
	post(t, s, path, m.of(places(0, 10)...))
	a := s.scans.list()[0]
	early, err := a.acquire(s.scans.budget.claim)
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, path, m)
	early.complete()
	var file bytes.Buffer
	if err := early.Encode(&file, o.Models[0].Digest); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Bytes(), m.of(places(0, 10)...).expected(t, o.Models[0])) {
		t.Error("the snapshot has changed with the canvas")
	}
	a.endReading(early)
	if w := ask(s, "GET", path+"/object.npz", nil); !bytes.Equal(w.Body.Bytes(), m.expected(t, o.Models[0])) {
		t.Error("the object after all frames is another one")
	}
}

// TestObjectsWhileFramesArrive: each object that a client gets meanwhile is that of the frames whose ids it lists.
func TestObjectsWhileFramesArrive(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	o.Queue = 1000
	s := started(t, o)
	path := createScan(t, s, "")
	m := simulated(120)
	post(t, s, path, m.of(0))
	var posting, reading sync.WaitGroup
	for client := range 3 {
		posting.Go(func() {
			for i := 40 * client; i < 40*client+40; i += 5 {
				if w := ask(s, "POST", path+"/frames", m.of(places(i, i+5)...).npz(t)); w.Code != http.StatusOK {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { posting.Wait(); close(done) }()
	for range 2 {
		reading.Go(func() {
			for running := true; running; {
				select {
				case <-done:
					running = false // once more, of all frames
				default:
				}
				checkObject(t, s, path, m, o.Models[0])
			}
		})
	}
	reading.Wait()
	if held, used := statusOf(t, s, path).Bytes, s.scans.budget.used; held != used {
		t.Errorf("the scan has %d bytes, but %d are claimed", held, used)
	}
}

// checkObject compares an object with that of the frames that it lists.
func checkObject(t *testing.T, s *Server, path string, m measured, model Model) {
	w := ask(s, "GET", path+"/object.npz", nil)
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
		return
	}
	file := w.Body.Bytes()
	r, err := npz.NewReader("object.npz", bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Error(err)
		return
	}
	ids, err := r.Int64s("scan_index")
	if err != nil {
		t.Error(err)
		return
	}
	index := map[int64]int{}
	for i, id := range m.ids {
		index[id] = i
	}
	var listed []int
	for _, id := range ids {
		listed = append(listed, index[id])
	}
	if !bytes.Equal(file, m.of(listed...).expected(t, model)) {
		t.Errorf("an object of %d frames is not that of these frames", len(ids))
	}
}
