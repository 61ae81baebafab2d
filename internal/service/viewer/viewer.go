// Package viewer shows an object in a browser while it grows. It is the page of ptyx watch --live and of ptyx serve.
//
// A browser opens one stream. The server sends it the state of the scan as JSON, tiles of the object, and the latest
// pattern beside its prediction. The browser sends back which part of the object it shows, at which zoom. Tiles hold
// values, not colours, so that the browser can change colours, and draw profiles, without asking. Everything is read
// from memory when it is sent; nothing is computed while no browser looks.
//
// A stream sends at most [StreamRate] bytes per second. A tile that has changed is sent once, in its newest state: a
// slow link gets fewer pictures, never older ones.
package viewer

import (
	"sync"
	"sync/atomic"
	"time"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// Source is an object that grows. Several goroutines call its methods at any time.
type Source interface {
	// Box is the object's place in the scan's frame, in pixels; empty before the first frame.
	Box() frame.Box
	// Look reads every step-th pixel, as stitch.Canvas.Look. It marks the pixels that a solver has refined, if refined
	// is not nil; they are false before.
	Look(top, left, rows, cols, step int, values []complex64, coverage []float32, refined []bool)
	// Probe is the present one, (N, N) or (K, N, N), which predicts patterns; nil: none is predicted.
	Probe() *ndarray.Complex64
	// Status is the state of the scan, for the page's facts.
	Status() Status
}

// Status is the state of a scan. The page shows the facts that are there.
type Status struct {
	State   string  `json:"state"`
	Frames  int     `json:"frames"`             // in the object
	PixelNM float64 `json:"pixel_nm,omitempty"` // width of a pixel in nanometres; 0: unknown
	Facts   []Fact  `json:"facts"`
	Rates   *Rates  `json:"rates,omitempty"` // of a detector's stream
	Missing string  `json:"missing,omitempty"`
}

// Fact is a number or a text with its name.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Rates are frames per second, and frames that wait.
type Rates struct {
	Arriving float64 `json:"arriving"` // per second
	Computed float64 `json:"computed"` // per second
	Waiting  int     `json:"waiting"`  // for the network, or for their position
	Lost     int     `json:"lost"`     // did not arrive, or could not be kept
}

// Frame is a measured frame.
type Frame struct {
	ID       int64
	X, Y     float64   // position in object pixels
	Pattern  []float32 // (N, N) amplitudes
	Measured []bool    // (N, N), false where a pixel is masked; nil: all are measured
}

// Viewer shows one object to any number of browsers, up to maxStreams. Several goroutines may use it.
type Viewer struct {
	source Source
	n      int // side of a pattern

	watched atomic.Int32 // streams that are open

	mu      sync.Mutex
	streams map[string]*stream
	closing chan struct{} // closed when streams are to end

	planeMu sync.Mutex
	plane   plane
	planeAt time.Time   // when it was estimated
	changed atomic.Bool // the object, since then

	comparer comparer
}

// New returns the viewer of an object whose patterns have n x n pixels.
func New(source Source, n int) *Viewer {
	v := &Viewer{source: source, n: n, streams: map[string]*stream{}, closing: make(chan struct{})}
	v.changed.Store(true)
	return v
}

// Offer shows a frame beside its prediction, once Added reports that it is in the object. It copies the pattern only
// if a browser looks, and not of every frame.
func (v *Viewer) Offer(f Frame) {
	if v.watched.Load() > 0 {
		v.comparer.offer(f)
	}
}

// Added tells the browsers that a frame was added to the object.
func (v *Viewer) Added(id int64, x, y float64) {
	v.changed.Store(true)
	if v.watched.Load() == 0 {
		return
	}
	v.comparer.added(id)
	row, col := frame.Corner(x, y, v.n)
	v.Changed(frame.Box{Top: row, Left: col, Bottom: row + v.n, Right: col + v.n})
}

// Changed tells the browsers that a part of the object has changed.
func (v *Viewer) Changed(box frame.Box) {
	v.changed.Store(true)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.streams {
		s.mark(box)
	}
}

// Close lets the streams send what is new, and end. Call it once.
func (v *Viewer) Close() { close(v.closing) }

// planePause is the least time between two estimates of the plane.
const planePause = time.Second

// currentPlane is the plane of the object, not older than planePause.
func (v *Viewer) currentPlane() plane {
	v.planeMu.Lock()
	defer v.planeMu.Unlock()
	if time.Since(v.planeAt) >= planePause && v.changed.Swap(false) {
		v.plane, v.planeAt = planeOf(v.source), time.Now()
	}
	return v.plane
}
