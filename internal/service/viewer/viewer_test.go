package viewer

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/cmplx"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// growing is an object of which a rectangle is known. Its values are noise on a ramp, which no compression helps.
type growing struct {
	mu    sync.Mutex
	box   frame.Box
	probe *ndarray.Complex64
}

func (g *growing) grow(box frame.Box) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.box = g.box.Union(box)
}

func (g *growing) Box() frame.Box {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.box
}

// refinedFrom is the first column that counts as refined.
const refinedFrom = 80

const perRow, perCol = 0.3, -0.2 // the ramp of the object

// at is a pixel of the object: amplitudes from 0.5 to 1, phases from -0.4 to 0.4 on the ramp.
func at(row, col int) complex64 {
	noise := uint32(row*73856093) ^ uint32(col*19349663)
	noise ^= noise >> 13
	noise *= 2654435761
	amplitude, phase := 0.5+float64(noise>>24)/512, 0.8*(float64(noise>>8&0xffff)/65535-0.5)
	return complex64(cmplx.Rect(amplitude, phase+perRow*float64(row)+perCol*float64(col)))
}

func (g *growing) Look(
	top, left, rows, cols, step int, values []complex64, coverage []float32, refined []bool,
) {
	box := g.Box()
	for i := range rows * cols {
		row, col := top+i/cols*step, left+i%cols*step
		values[i], coverage[i] = 0, 0
		if row >= box.Top && row < box.Bottom && col >= box.Left && col < box.Right {
			values[i], coverage[i] = at(row, col), 1+float32(row%7)/10
			if refined != nil {
				refined[i] = col >= refinedFrom
			}
		}
	}
}

func (g *growing) Probe() *ndarray.Complex64 { return g.probe }

func (g *growing) Status() Status { return Status{State: "measuring", Frames: g.Box().Height()} }

// received is a tile as a page has it.
type received struct {
	amplitude, phase, coverage, refined []float64
	plane                               plane
}

// client is a page of a test.
type client struct {
	t     *testing.T
	url   string
	bytes atomic.Int64 // on the wire, without the protocol's heads

	mu       sync.Mutex
	state    state
	tiles    map[tile]received
	patterns []map[string]any
	pixels   []byte // of the last comparison
	ended    chan struct{}
}

// counted counts what is read.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// connect opens a page of a viewer.
func connect(t *testing.T, v *Viewer) *client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		if err := v.Stream(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusTooManyRequests)
		}
	})
	mux.HandleFunc("POST /view", func(w http.ResponseWriter, r *http.Request) {
		if err := v.SetView(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	server := httptest.NewServer(mux)
	transport := &http.Transport{DisableCompression: true}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, url: server.URL, tiles: map[tile]received{}, ended: make(chan struct{})}
	go c.read(answer.Body)
	t.Cleanup(func() {
		answer.Body.Close()
		<-c.ended
		transport.CloseIdleConnections()
		server.Close()
	})
	return c
}

// read takes in messages until the stream ends.
func (c *client) read(body io.Reader) {
	defer close(c.ended)
	plain, err := gzip.NewReader(counted{body, &c.bytes})
	if err != nil {
		return
	}
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(plain, head); err != nil {
			return
		}
		content := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(plain, content); err != nil {
			return
		}
		c.take(head[0], content)
	}
}

func (c *client) take(kind byte, content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kind {
	case kindState:
		c.state = state{}
		if err := json.Unmarshal(content, &c.state); err != nil {
			c.t.Error(err)
		}
	case kindTile:
		t, r := decode(content)
		c.tiles[t] = r
	case kindPattern:
		text, pixels, _ := strings.Cut(string(content), "\n")
		facts := map[string]any{}
		if err := json.Unmarshal([]byte(text), &facts); err != nil {
			c.t.Error(err)
		}
		c.patterns, c.pixels = append(c.patterns, facts), []byte(pixels)
	}
}

// decode reads a tile as the page does.
func decode(b []byte) (tile, received) {
	t := tile{int(b[0]), int(int32(binary.LittleEndian.Uint32(b[4:]))), int(int32(binary.LittleEndian.Uint32(b[8:])))}
	if b[1] == 0 {
		return t, received{}
	}
	number := func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b[12+8*i:])) }
	values := func(k int, low, high float64) (out []float64) {
		before := byte(0)
		for _, d := range b[tileHeader+k*tileSide*tileSide:][:tileSide*tileSide] {
			before += d
			out = append(out, low+float64(before)/255*(high-low))
		}
		return out
	}
	r := received{
		amplitude: values(0, number(0), number(1)), phase: values(1, number(2), number(3)),
		coverage: values(2, 0, number(4)), refined: make([]float64, tileSide*tileSide),
		plane: plane{perRow: number(5), perCol: number(6), level: number(7)},
	}
	if b[2] > 0 {
		r.refined = values(3, 0, 1)
	}
	return t, r
}

// show sets the view once the stream has an id.
func (c *client) show(level int, box frame.Box) {
	c.t.Helper()
	c.wait("an id of the stream", func() bool { return c.state.Stream != "" })
	view := fmt.Sprintf(`{"stream": %q, "level": %d, "top": %d, "left": %d, "bottom": %d, "right": %d}`,
		c.state.Stream, level, box.Top, box.Left, box.Bottom, box.Right)
	if code := c.post(view); code != http.StatusOK {
		c.t.Fatalf("the view is refused: %d", code)
	}
}

func (c *client) post(view string) int {
	c.t.Helper()
	answer, err := http.Post(c.url+"/view", "application/json", strings.NewReader(view))
	if err != nil {
		c.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer answer.Body.Close()
	return answer.StatusCode
}

// wait waits until something holds, with the client locked.
func (c *client) wait(what string, holds func() bool) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		done := holds()
		c.mu.Unlock()
		if done {
			return
		}
	}
	c.t.Fatal("waited in vain for " + what)
}

// TestTilesHoldTheObject: the page gets amplitude, phase, coverage and what is refined, within the step of their
// scales, at full resolution and as means; pixels without an object have no coverage; a change arrives.
func TestTilesHoldTheObject(t *testing.T) {
	g := &growing{box: frame.Box{Top: -40, Left: 10, Bottom: 60, Right: 120}}
	v := New(g, 16)
	c := connect(t, v)
	c.show(0, g.Box())
	c.wait("all tiles", func() bool { return len(c.tiles) == 4*4 })
	c.wait("the size", func() bool { return c.state.Height == 100 && c.state.Width == 110 && c.state.Top == -40 })
	for row := -64; row < 64; row++ {
		for col := 0; col < 128; col++ {
			one := c.tiles[tile{0, frame.FloorDiv(row, tileSide), col / tileSide}]
			k := (row+2*tileSide)%tileSide*tileSide + col%tileSide
			inside := row >= -40 && row < 60 && col >= 10 && col < 120
			if covered := one.coverage != nil && one.coverage[k] > 0; covered != inside {
				t.Fatalf("pixel %d, %d is covered: %v", row, col, covered)
			}
			if !inside {
				continue
			}
			if refined := one.refined[k] > 0.5; refined != (col >= refinedFrom) {
				t.Fatalf("pixel %d, %d is refined: %v", row, col, refined)
			}
			want, p := complex128(at(row, col)), one.plane
			phase := one.phase[k] + p.perRow*float64(row) + p.perCol*float64(col) + p.level
			if math.Abs(one.amplitude[k]-cmplx.Abs(want)) > 0.002 ||
				math.Abs(math.Remainder(phase-cmplx.Phase(want), 2*math.Pi)) > 0.005 ||
				math.Abs(one.coverage[k]-(1+float64(row%7)/10)) > 0.005 {
				t.Fatalf("pixel %d, %d is %v with phase %v and coverage %v, want %v", row, col, one.amplitude[k],
					phase, one.coverage[k], want)
			}
			if math.Abs(p.perRow-perRow) > 0.001 || math.Abs(p.perCol-perCol) > 0.001 {
				t.Fatalf("the plane is %+v", p)
			}
		}
	}

	c.show(2, g.Box())
	c.wait("coarse tiles", func() bool { return c.tiles[tile{2, 0, 0}].amplitude != nil })
	want := 0.0
	for i := range 16 {
		want += cmplx.Abs(complex128(at(40+i/4, 80+i%4))) / 16
	}
	if got := c.tiles[tile{2, 0, 0}].amplitude[10*tileSide+20]; math.Abs(got-want) > 0.002 {
		t.Errorf("the mean amplitude of 4 x 4 pixels is %v, want %v", got, want)
	}

	before := len(c.tiles)
	g.grow(frame.Box{Top: -40, Left: 10, Bottom: 60, Right: 300})
	v.Changed(frame.Box{Top: 0, Left: 120, Bottom: 20, Right: 300})
	c.show(2, g.Box())
	c.wait("a change", func() bool {
		one := c.tiles[tile{2, 0, 0}]
		return len(c.tiles) > before && one.coverage[31] > 0
	})
}

// TestRate: a page of an object of 2000 x 2000 pixels that grows fast gets no more than StreamRate, and gets all of it
// in the end. The object's noise leaves nothing to compression.
func TestRate(t *testing.T) {
	g := &growing{}
	v := New(g, 64)
	c := connect(t, v)
	all := frame.Box{Bottom: 2000, Right: 2000}
	c.show(2, all)
	start := time.Now()
	for i := range 300 { // frames of a fast scan, over three seconds
		row, col := i/20*120, i%20*100
		patch := frame.Box{Top: row, Left: col, Bottom: min(row+320, 2000), Right: min(col+200, 2000)}
		g.grow(patch)
		v.Changed(patch)
		time.Sleep(time.Until(start.Add(time.Duration(i) * 10 * time.Millisecond)))
		if passed := time.Since(start).Seconds(); float64(c.bytes.Load()) > StreamRate*max(1, passed) {
			t.Fatalf("%d bytes in %.2f s", c.bytes.Load(), passed)
		}
	}
	if sent, passed := float64(c.bytes.Load()), time.Since(start).Seconds(); sent < steadyRate/4*passed {
		t.Errorf("only %.0f bytes in %.1f s: the rate was not what limited", sent, passed)
	}
	c.wait("the complete object", func() bool {
		return len(c.tiles) == 16*16 && c.tiles[tile{2, 15, 15}].amplitude != nil
	})
}

// TestLatestChangeFirst: while much waits, a new frame is among the next tiles.
func TestLatestChangeFirst(t *testing.T) {
	s := &stream{news: make(chan struct{}, 1), state: map[tile]int64{}}
	object := frame.Box{Bottom: 2000, Right: 2000}
	s.show(View{Stream: "x", Bottom: 2000, Right: 2000})
	for range 63 * 63 {
		s.next(object)
	}
	if one, found := s.next(object); found {
		t.Fatalf("%v is sent again without a change", one)
	}
	s.mark(object)
	s.mark(frame.Box{Top: 1000, Left: 1000, Bottom: 1010, Right: 1010})
	s.state[tile{0, 31, 31}] = s.clock // it was fresh when it changed
	first, _ := s.next(object)
	second, _ := s.next(object)
	if want := (tile{0, 31, 31}); first != want && second != want {
		t.Errorf("the next tiles are %v and %v, want %v", first, second, want)
	}
}

// TestComparison: the residual of the true object is 0, also with two modes, and that of another probe is not.
func TestComparison(t *testing.T) {
	const n = 16
	g := &growing{box: frame.Box{Bottom: 100, Right: 100}}
	probe := ndarray.New[complex64](2, n, n)
	for i := range probe.Data {
		probe.Data[i] = complex64(cmplx.Rect(1+float64(i%5), float64(i%3)))
	}
	g.probe = probe
	v := New(g, n)
	pattern := predicted(probe, n)
	c := connect(t, v)
	c.wait("the stream", func() bool { return c.state.Stream != "" })
	v.Offer(Frame{ID: 7, X: 40.25, Y: 30.5, Pattern: pattern})
	time.Sleep(2 * tick)
	c.mu.Lock()
	if len(c.patterns) > 0 {
		t.Error("a frame is shown before it is in the object")
	}
	c.mu.Unlock()
	v.Added(7, 40.25, 30.5)
	c.wait("a comparison", func() bool { return len(c.patterns) == 1 })
	if one := c.patterns[0]; one["id"] != 7.0 || !(one["residual"].(float64) < 1e-10) || len(c.pixels) != 2*n*n ||
		string(c.pixels[:n*n]) != string(c.pixels[n*n:]) {
		t.Errorf("the comparison with the true object is %v", one)
	}
	other := v.predict(Frame{X: 44, Y: 30.5, Pattern: pattern}, probe, 1)
	if other.residual < 0.01 {
		t.Errorf("the residual at a wrong position is %v", other.residual)
	}
	masked := make([]bool, n*n)
	if r := v.predict(Frame{X: 44, Y: 30.5, Pattern: pattern, Measured: masked}, probe, 1).residual; r != 0 {
		t.Errorf("the residual of masked pixels is %v", r)
	}
}

// predicted is the pattern of the object at (40.25, 30.5).
func predicted(probe *ndarray.Complex64, n int) []float32 {
	row, col := frame.Corner(40.25, 30.5, n)
	sum, propagator := make([]float64, n*n), optics.NewPropagator(n)
	for k := range 2 {
		wave, one := make([]complex128, n*n), make([]float64, n*n)
		for i := range wave {
			wave[i] = complex128(probe.Data[k*n*n+i])
		}
		propagator.Shift(wave, frame.Fraction(30.5), frame.Fraction(40.25))
		for i := range wave {
			wave[i] *= complex128(at(row+i/n, col+i%n))
		}
		propagator.Intensity(wave, one)
		for i := range sum {
			sum[i] += one[i]
		}
	}
	pattern := make([]float32, n*n)
	for i, v := range sum {
		pattern[i] = float32(math.Sqrt(v))
	}
	return pattern
}

// TestEnd: Close sends the last state and what is new, and ends the streams.
func TestEnd(t *testing.T) {
	g := &growing{box: frame.Box{Bottom: 64, Right: 64}}
	v := New(g, 16)
	c := connect(t, v)
	c.show(0, frame.Box{Bottom: 200, Right: 200})
	c.wait("tiles", func() bool { return len(c.tiles) == 4 })
	g.grow(frame.Box{Bottom: 128, Right: 64})
	v.Changed(frame.Box{Top: 64, Bottom: 128, Right: 64})
	v.Close()
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream does not end")
	}
	if c.state.Frames != 128 || len(c.tiles) != 8 {
		t.Errorf("the last state has %d frames and %d tiles", c.state.Frames, len(c.tiles))
	}
}

// TestViewsThatNobodyCanSee are refused.
func TestViewsThatNobodyCanSee(t *testing.T) {
	c := connect(t, New(&growing{}, 16))
	c.wait("the stream", func() bool { return c.state.Stream != "" })
	id := c.state.Stream
	for _, view := range []string{
		"", "[]", `{"stream": "other", "bottom": 5, "right": 5}`,
		fmt.Sprintf(`{"stream": %q, "level": 13, "bottom": 5, "right": 5}`, id),
		fmt.Sprintf(`{"stream": %q, "level": -1, "bottom": 5, "right": 5}`, id),
		fmt.Sprintf(`{"stream": %q, "level": 0, "bottom": 5, "right": 0}`, id),
		fmt.Sprintf(`{"stream": %q, "level": 0, "bottom": 5000000, "right": 5000000}`, id),
		fmt.Sprintf(`{"stream": %q, "level": 0, "bottom": 1e300, "right": 5}`, id),
	} {
		if code := c.post(view); code != http.StatusBadRequest {
			t.Errorf("%s: %d", view, code)
		}
	}
}

// TestTooManyPages: one more page than allowed is refused.
func TestTooManyPages(t *testing.T) {
	v := New(&growing{}, 16)
	for i := range maxStreams {
		v.streams[fmt.Sprint(i)] = &stream{}
	}
	r := httptest.NewRequest(http.MethodGet, "/stream", nil)
	if err := v.Stream(httptest.NewRecorder(), r); !errors.Is(err, ErrBusy) {
		t.Errorf("page %d: %v", maxStreams+1, err)
	}
}
