package viewer

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"ptyx/internal/base/frame"
)

// StreamRate is the most that a stream sends, in bytes per second, averaged over a second.
const StreamRate = 200_000

const (
	steadyRate = 160_000                 // bytes per second
	burst      = StreamRate - steadyRate // bytes at once
	tick       = 50 * time.Millisecond   // least time between two sendings
	statusTick = 250 * time.Millisecond  // least time between two looks at the status
	deadAfter  = 20 * time.Second        // a browser that reads nothing for so long is gone
	maxStreams = 16
	maxTiles   = 4096 // of a view, and that a stream remembers
)

// Faults of requests.
var (
	ErrBusy   = errors.New("too many pages show this object")
	ErrStream = errors.New("no stream with this id is open")
	ErrView   = errors.New("no view: expected JSON with stream, level 0 to 12, top, left, bottom and right")
)

// stream is the connection to one page.
type stream struct {
	news chan struct{} // has an element when there may be something to send

	mu    sync.Mutex
	view  View
	state map[tile]int64 // of tiles of the view's level that were sent: when they changed since then; 0: they did not
	clock int64          // counts changes
	turn  bool           // next is the tile that changed last; else the one that has waited longest
}

// View is the part of the object that a page shows.
type View struct {
	Stream string `json:"stream"` // id of the page's stream
	Level  int    `json:"level"`  // a pixel of the screen is 2^level pixels of the object
	Top    int    `json:"top"`    // rows and columns in the scan's frame
	Left   int    `json:"left"`
	Bottom int    `json:"bottom"`
	Right  int    `json:"right"`
}

func (v View) box() frame.Box {
	return frame.Box{Top: v.Top, Left: v.Left, Bottom: v.Bottom, Right: v.Right}
}

// valid reports whether a view can be shown.
func (v View) valid() bool {
	const far = 1 << 30
	if v.Level < 0 || v.Level > maxLevel || min(v.Top, v.Left) < -far || max(v.Bottom, v.Right) > far ||
		v.Top >= v.Bottom || v.Left >= v.Right {
		return false
	}
	top, left, bottom, right := tilesOf(v.box(), v.Level)
	return (bottom-top)*(right-left) <= maxTiles
}

// SetView takes in which part of the object a page shows.
func (v *Viewer) SetView(r *http.Request) error {
	const longest = 4 << 10
	var view View
	if err := json.NewDecoder(io.LimitReader(r.Body, longest)).Decode(&view); err != nil || !view.valid() {
		return ErrView
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.streams[view.Stream]
	if s == nil {
		return ErrStream
	}
	s.show(view)
	return nil
}

// show changes the view.
func (s *stream) show(view View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if view.Level != s.view.Level || len(s.state) > maxTiles {
		s.state = map[tile]int64{}
	}
	s.view = view
	s.wake()
}

func (s *stream) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// mark notes that a part of the object has changed.
func (s *stream) mark(box frame.Box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	top, left, bottom, right := tilesOf(box, s.view.Level)
	if (bottom-top)*(right-left) > len(s.state) {
		for t := range s.state {
			s.markTile(t, t.row >= top && t.row < bottom && t.col >= left && t.col < right)
		}
	} else {
		for row := top; row < bottom; row++ {
			for col := left; col < right; col++ {
				s.markTile(tile{s.view.Level, row, col}, true)
			}
		}
	}
	s.wake()
}

// markTile notes a change of a tile that was sent before.
func (s *stream) markTile(t tile, changed bool) {
	if since, sent := s.state[t]; changed && sent && since == 0 {
		s.state[t] = s.clock
	}
}

// next returns the tile to send: in turn the one that changed last, so that new frames show at once, and the one that
// has waited longest, so that none waits without end.
func (s *stream) next(object frame.Box) (best tile, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view.Stream == "" || object.Height() == 0 {
		return tile{}, false
	}
	top, left, bottom, right := tilesOf(s.view.box(), s.view.Level)
	t, l, b, r := tilesOf(object, s.view.Level)
	var when int64
	for row := max(top, t); row < min(bottom, b); row++ {
		for col := max(left, l); col < min(right, r); col++ {
			one := tile{s.view.Level, row, col}
			since, sent := s.state[one]
			if sent && since == 0 {
				continue
			}
			if !found || s.turn && since > when || !s.turn && since < when {
				best, when, found = one, since, true
			}
		}
	}
	if found {
		s.turn = !s.turn
		s.state[best] = 0
	}
	return best, found
}

// Stream sends the object to a browser until it goes, or Close is called.
func (v *Viewer) Stream(w http.ResponseWriter, r *http.Request) error {
	id := rand.Text()
	s := &stream{news: make(chan struct{}, 1), state: map[tile]int64{}}
	v.mu.Lock()
	if len(v.streams) >= maxStreams {
		v.mu.Unlock()
		return ErrBusy
	}
	v.streams[id] = s
	v.mu.Unlock()
	v.watched.Add(1)
	defer func() {
		v.watched.Add(-1)
		v.mu.Lock()
		delete(v.streams, id)
		v.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "application/octet-stream")
	o := newOutput(w, strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"))
	defer o.end()
	p := &page{viewer: v, stream: s, id: id, out: o}
	for {
		start, ending := time.Now(), p.ending()
		if p.send() != nil || ending && !p.more || !p.wait(r, start) {
			return nil // the browser has gone, or has everything
		}
	}
}

// page is what one browser has.
type page struct {
	viewer   *Viewer
	stream   *stream
	id       string
	out      *output
	encoder  encoder
	status   []byte    // sent last
	statusAt time.Time // when it was read
	compared int       // number of the comparison sent last
	more     bool      // the rate did not allow all tiles
}

// ending reports whether the stream is to end, after the last state.
func (p *page) ending() bool {
	select {
	case <-p.viewer.closing:
		p.statusAt = time.Time{}
		return true
	default:
		return false
	}
}

// wait returns when there may be something to send, at the earliest a tick after start; false: the browser has gone.
func (p *page) wait(r *http.Request, start time.Time) bool {
	pause := time.NewTimer(time.Until(start.Add(tick)))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-r.Context().Done():
		return false
	}
	if p.more {
		return true
	}
	idle := time.NewTimer(statusTick)
	defer idle.Stop()
	select {
	case <-p.stream.news:
	case <-idle.C:
	case <-p.viewer.closing:
	case <-r.Context().Done():
		return false
	}
	return true
}

// Kinds of messages. Each is a byte of its kind, its length as uint32 (little-endian), and its content.
const (
	kindState   = 's' // JSON
	kindTile    = 't'
	kindPattern = 'p'
)

// send sends what is new, as far as the rate allows.
func (p *page) send() error {
	p.out.refill(time.Now())
	if err := p.sendState(); err != nil {
		return err
	}
	shape, source := p.viewer.currentPlane(), p.viewer.source
	object := source.Box()
	p.more = false
	for {
		if p.out.allowance <= 0 {
			p.more = true
			break
		}
		t, found := p.stream.next(object)
		if !found {
			break
		}
		if err := p.out.message(kindTile, p.encoder.encode(t, source, shape)); err != nil {
			return err
		}
	}
	if c := p.viewer.compare(); c != nil && c.number > p.compared && p.out.allowance > 0 {
		p.compared = c.number
		if err := p.out.message(kindPattern, c.encode()); err != nil {
			return err
		}
	}
	return p.out.flush()
}

// state is the JSON of a message.
type state struct {
	Stream string `json:"stream"`
	Top    int    `json:"top"` // of the object's box
	Left   int    `json:"left"`
	Height int    `json:"height"`
	Width  int    `json:"width"`
	// The plane that the page takes from phases, and the coverage of the inside.
	PerRow float64 `json:"per_row"`
	PerCol float64 `json:"per_col"`
	Level  float64 `json:"level"`
	Even   float64 `json:"even"`
	Status
}

// sendState sends the state if it has changed, not too often.
func (p *page) sendState() error {
	now := time.Now()
	if now.Sub(p.statusAt) < statusTick {
		return nil
	}
	p.statusAt = now
	box, shape := p.viewer.source.Box(), p.viewer.currentPlane()
	text, err := json.Marshal(state{
		p.id, box.Top, box.Left, box.Height(), box.Width(), shape.perRow, shape.perCol, shape.level, shape.even,
		p.viewer.source.Status(),
	})
	if err != nil || bytes.Equal(text, p.status) {
		return err
	}
	p.status = text
	return p.out.message(kindState, text)
}

// encode makes the content of a message of a comparison: JSON of its facts, a line end, and both patterns.
func (c *comparison) encode() []byte {
	side, pictures := c.shown()
	text, _ := json.Marshal(map[string]any{"id": c.id, "side": side, "n": c.n, "residual": c.residual}) // finite
	return append(append(text, '\n'), pictures...)
}

// output writes messages to a browser and counts the bytes.
type output struct {
	response   http.ResponseWriter
	controller *http.ResponseController
	compressed *gzip.Writer // nil: the browser takes none
	allowance  float64      // bytes that may be sent now
	filled     time.Time
}

func newOutput(w http.ResponseWriter, compress bool) *output {
	o := &output{response: w, controller: http.NewResponseController(w), allowance: burst, filled: time.Now()}
	if compress {
		w.Header().Set("Content-Encoding", "gzip")
		o.compressed, _ = gzip.NewWriterLevel(o, gzip.BestSpeed) // the level is valid
	}
	return o
}

// refill adds to the allowance what the time allows.
func (o *output) refill(now time.Time) {
	o.allowance = min(o.allowance+steadyRate*now.Sub(o.filled).Seconds(), burst)
	o.filled = now
}

// Write writes to the browser and counts.
func (o *output) Write(b []byte) (int, error) {
	o.allowance -= float64(len(b))
	return o.response.Write(b)
}

// message writes one message.
func (o *output) message(kind byte, content []byte) error {
	_ = o.controller.SetWriteDeadline(time.Now().Add(deadAfter)) // fails for the recorders of tests
	head := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(content)))
	if o.compressed == nil {
		_, err := o.Write(append(head, content...))
		return err
	}
	if _, err := o.compressed.Write(append(head, content...)); err != nil {
		return err
	}
	return o.compressed.Flush() // so that its bytes count
}

// end completes the compressed stream, if the browser is still there.
func (o *output) end() {
	if o.compressed != nil {
		_ = o.controller.SetWriteDeadline(time.Now().Add(deadAfter))
		_ = o.compressed.Close()
	}
}

// flush sends what was written. HTTP/2 would end the stream at the deadline, even if there is nothing to send.
func (o *output) flush() error {
	err := o.controller.Flush()
	_ = o.controller.SetWriteDeadline(time.Time{}) // fails for the recorders of tests
	return err
}
