package serve

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/cmplx"
	"net/http"
	"strings"
	"testing"
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/listen"
)

// Parts of the stream of package viewer.
const (
	tileSide   = 32 // pixels
	tileHeader = 76 // bytes before the values
)

// pagePixel is a pixel of the object as a page has it.
type pagePixel struct {
	value   complex128
	covered bool
	step    float64 // of the stored values
}

// pageOfScan is a page of a scan without its pictures.
type pageOfScan struct {
	t        *testing.T
	stream   io.Reader
	id       string // of the stream
	frames   int
	pixels   map[[2]int]pagePixel
	patterns int // pairs of a pattern and its prediction
}

// read takes in the next message; io.EOF: the stream has ended.
func (p *pageOfScan) read() error {
	head := make([]byte, 5)
	if _, err := io.ReadFull(p.stream, head); err != nil {
		return err
	}
	content := make([]byte, binary.LittleEndian.Uint32(head[1:]))
	if _, err := io.ReadFull(p.stream, content); err != nil {
		return err
	}
	switch head[0] {
	case 's':
		var state struct {
			Stream string
			Frames int
		}
		if err := json.Unmarshal(content, &state); err != nil {
			return err
		}
		p.id, p.frames = state.Stream, state.Frames
	case 't':
		p.take(content)
	case 'p':
		p.patterns++
	}
	return nil
}

// take takes in a tile at full resolution.
func (p *pageOfScan) take(tile []byte) {
	if tile[1] == 0 {
		return
	}
	number := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(tile[12+8*i:])) }
	plane := func(k int) []byte {
		out, before := make([]byte, tileSide*tileSide), byte(0)
		for i, d := range tile[tileHeader+k*len(out):][:len(out)] {
			before += d
			out[i] = before
		}
		return out
	}
	amplitude, phase, coverage := plane(0), plane(1), plane(2)
	amplitudeStep, phaseStep := (number(1)-number(0))/255, (number(3)-number(2))/255
	top := tileSide * int(int32(binary.LittleEndian.Uint32(tile[4:])))
	left := tileSide * int(int32(binary.LittleEndian.Uint32(tile[8:])))
	for i := range amplitude {
		row, col := top+i/tileSide, left+i%tileSide
		r := number(0) + amplitudeStep*float64(amplitude[i])
		a := number(2) + phaseStep*float64(phase[i]) + number(5)*float64(row) + number(6)*float64(col) + number(7)
		p.pixels[[2]int{row, col}] = pagePixel{cmplx.Rect(r, a), coverage[i] > 0, amplitudeStep + phaseStep*r}
	}
}

// shows reports whether the page has the object, to the step of its values, and nothing beyond it.
func (p *pageOfScan) shows(r *reconstruct.Result) bool {
	height, width := r.Object.Shape[0], r.Object.Shape[1]
	count := 0
	for i, want := range r.Object.Data {
		got := p.pixels[[2]int{r.Row + i/width, r.Col + i%width}]
		if got.covered != (r.Coverage.Data[i] > 0) ||
			got.covered && cmplx.Abs(got.value-complex128(want)) > got.step+1e-5 {
			return false
		}
	}
	for at, pixel := range p.pixels {
		inside := at[0] >= r.Row && at[0] < r.Row+height && at[1] >= r.Col && at[1] < r.Col+width
		if pixel.covered && !inside {
			return false
		}
		count++
	}
	return count > 0
}

// await reads until the page shows the object of a scan with so many frames.
func (p *pageOfScan) await(what string, s *scan, frames int) {
	p.t.Helper()
	object, release, err := s.object()
	if err != nil {
		p.t.Fatal(err)
	}
	defer release()
	for p.frames != frames || !p.shows(object.Result) {
		if err := p.read(); err != nil {
			p.t.Fatalf("%s: %v, with %d frames", what, err, p.frames)
		}
	}
}

// TestObjectOnAPage: a page gets the object of a scan while it grows, a pattern beside its prediction, and at the end
// the object of the solver. The stream ends with the scan.
func TestObjectOnAPage(t *testing.T) {
	t.Parallel()
	o := scanServer(&fake{channels: 1})
	o.Refine = func(_ context.Context, r *reconstruct.Result, _ *ndarray.Float32, _ int) (*reconstruct.Result, error) {
		refined := *r
		refined.Object = ndarray.New[complex64](r.Object.Shape...)
		for i, v := range r.Object.Data {
			refined.Object.Data[i] = v * complex(0.5, 0.25)
		}
		return &refined, nil
	}
	s := started(t, o)
	url, _, _ := running(t, s, listen.Address{})
	path := createScan(t, s, `{"refine": 1}`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client(t).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	p := &pageOfScan{t: t, stream: stream.Body, pixels: map[[2]int]pagePixel{}}
	if err := p.read(); err != nil || p.id == "" || p.frames != 0 {
		t.Fatalf("the first message has stream %q and %d frames: %v", p.id, p.frames, err)
	}
	view := fmt.Sprintf(`{"stream": %q, "level": 0, "top": -64, "left": -64, "bottom": 64, "right": 64}`, p.id)
	for _, c := range []struct {
		body string
		code int
	}{
		{"{}", http.StatusBadRequest}, {strings.Replace(view, p.id, "other", 1), http.StatusNotFound},
		{view, http.StatusNoContent},
	} {
		if w := ask(s, "POST", path+"/view", []byte(c.body)); w.Code != c.code {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
	}
	m, a := simulated(20), s.scans.list()[0]
	for _, frames := range []int{5, 20} {
		if w := ask(s, "POST", path+"/frames", m.of(places(0, frames)...).npz(t)); w.Code != http.StatusOK {
			t.Fatal(w.Body)
		}
		p.await(fmt.Sprintf("the object of %d frames", frames), a, frames)
	}
	for p.patterns == 0 {
		if err := p.read(); err != nil {
			t.Fatalf("a pattern and its prediction: %v", err)
		}
	}
	if w := ask(s, "POST", path+"/finish", nil); w.Code != http.StatusAccepted {
		t.Fatal(w.Body)
	}
	eventually(t, "the solver", func() bool { return statusOf(t, s, path).State == finished })
	p.await("the object of the solver", a, 20)
	if w := ask(s, "DELETE", path, nil); w.Code != http.StatusNoContent {
		t.Fatal(w.Body)
	}
	for err = nil; err == nil; {
		err = p.read()
	}
	if err != io.EOF {
		t.Errorf("after the scan was deleted: %v", err)
	}
}

// TestTooManyStreams: pages and listeners share one limit.
func TestTooManyStreams(t *testing.T) {
	s := started(t, scanServer(&fake{channels: 1}))
	path := createScan(t, s, "")
	for range maxStreams {
		s.scans.streams <- struct{}{}
	}
	for _, p := range []string{path + "/stream", path + "/events", "/v1/events"} {
		if w := ask(s, "GET", p, nil); w.Code != http.StatusTooManyRequests {
			t.Errorf("%s: %d %s", p, w.Code, w.Body)
		}
	}
}
