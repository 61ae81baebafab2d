package watch

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ptyx/internal/recon/reconstruct"
)

// TestPage: while a detector sends, the page has the object so far as files, its size, its rates, and the ids that are
// missing. At the end it says why the watch has ended.
func TestPage(t *testing.T) {
	const count = 12
	m := measure(count)
	l, d := listenTo(t, m), m.detector(2, "lz4")
	page := NewPage(l.o.Contract)
	l.o.Page = page
	encode := func(w io.Writer, r *reconstruct.Result) error { return r.Encode(w, "") }
	server := httptest.NewServer(page.Handler(encode))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	get := func(path string) (int, []byte) {
		t.Helper()
		answer, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, body
	}
	if status := page.Status(); status.State != "waiting for frames" || page.Box().Height() != 0 {
		t.Errorf("before the first frame: %+v, %+v", status, page.Box())
	}
	sent := make(chan struct{})
	finish := make(chan struct{})
	go func() {
		l.send(d.Start())
		for id := range 9 {
			if id != 4 {
				l.send(d.Image(int64(id), m.counts[id]))
			}
		}
		close(sent)
		<-finish
		l.send(d.End())
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if out, err := Run(t.Context(), l.o); err != nil || out.Frames != 8 || out.Missing != 4 {
			t.Errorf("the watch ended with %+v, %v", out, err)
		}
	}()
	<-sent
	for end := time.Now().Add(20 * time.Second); page.Status().Frames < 8 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	status, box := page.Status(), page.Box()
	if status.State != "measuring" || status.Frames != 8 || status.Missing != "4" || status.Rates.Lost != 1 ||
		box.Height() == 0 || status.PixelNM == 0 {
		t.Errorf("after eight frames: %+v, %+v", status, box)
	}
	if code, body := get("/object.npz"); code != http.StatusOK || !bytes.HasPrefix(body, []byte("PK")) {
		t.Errorf("object.npz: %d, %d bytes", code, len(body))
	}
	if code, body := get("/phase.png"); code != http.StatusOK || !bytes.HasPrefix(body, []byte("\x89PNG")) {
		t.Errorf("phase.png: %d, %d bytes", code, len(body))
	}
	if code, body := get("/"); code != http.StatusOK || !strings.Contains(string(body), "view/page.js") ||
		strings.Contains(string(body), "://") {
		t.Errorf("the page: %d, %s", code, body)
	}
	if code, _ := get("/view/nothing.js"); code != http.StatusNotFound {
		t.Errorf("a file that is not there: %d", code)
	}
	close(finish)
	<-done
	status = page.Status()
	if last := status.Facts[len(status.Facts)-1]; status.State != "ended" || last.Value != string(SeriesEnd) {
		t.Errorf("at the end: %+v", status)
	}
}
