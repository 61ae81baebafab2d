package watch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	"ptyx/internal/service/simplon"
	"ptyx/internal/service/zeromq"
)

// SeriesChoice says which series of a detector is followed. The zero value is the next one that begins.
type SeriesChoice struct {
	Current bool  // that of the first frame, also from its middle
	Number  int64 // this one, also from its middle; 0: any
}

// String is the text form: next, current or a number.
func (c SeriesChoice) String() string {
	switch {
	case c.Current:
		return "current"
	case c.Number > 0:
		return strconv.FormatInt(c.Number, 10)
	}
	return "next"
}

// MarshalText writes the text form.
func (c SeriesChoice) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the text form.
func (c *SeriesChoice) UnmarshalText(text []byte) error {
	switch n, err := strconv.ParseInt(string(text), 10, 64); {
	case string(text) == "next":
		*c = SeriesChoice{}
	case string(text) == "current":
		*c = SeriesChoice{Current: true}
	case err == nil && n > 0:
		*c = SeriesChoice{Number: n}
	default:
		return &badinput.Error{Found: strconv.Quote(string(text)), Expected: "next, current, or a number from 1 on"}
	}
	return nil
}

// accepts reports whether a series may be the one.
func (c SeriesChoice) accepts(s simplon.Series) bool { return c.Number == 0 || c.Number == s.ID }

// joins reports whether the series may be followed from its middle.
func (c SeriesChoice) joins() bool { return c.Current || c.Number > 0 }

// Bounds of the memory of a detector.
const (
	mostHeld  = 256       // images that wait for the start of their series
	heldBytes = 256 << 20 // of these
)

// detector receives one series of images, and puts the patterns of its frames into a queue.
type detector struct {
	o     Options
	queue *queue
	jobs  []chan job // of each decoder; frames of one number go to one decoder, so that the first one stays the first

	accepted atomic.Int64 // images of the series
	working  atomic.Int64 // images that are not yet in the queue
	lastByte atomic.Int64 // when the last message had come, in nanoseconds

	mu       sync.Mutex
	series   *simplon.Series // the one that is followed; nil: none yet
	images   int             // that the detector was asked for; 0: unknown
	facts    source.Facts
	ended    bool
	lastEnd  simplon.Series // the one that ended last
	scan     *dataset.Scan  // how to read an image; nil before the first
	first    *simplon.Image
	held     []job // images of series that have not begun
	size     int   // bytes of these
	heldFrom time.Time
	other    int // messages of other series
	otherOne simplon.Series
	damaged  int
	gaps     gaps           // ids that did not come
	beyond   map[int64]bool // ids that came beyond images
	fatal    error
}

// job is an image to decode.
type job struct {
	image *simplon.Image
	bytes int
	at    time.Time
}

func newDetector(o Options, q *queue) *detector {
	d := &detector{o: o, queue: q}
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		d.jobs = append(d.jobs, make(chan job, 1))
	}
	return d
}

// run receives and decodes until ctx is done. Images that were received then are still decoded.
func (d *detector) run(ctx context.Context) {
	var receivers, workers sync.WaitGroup
	for range d.o.Stream.Connections {
		receivers.Go(func() {
			zeromq.Follow(ctx, d.o.Stream.Address, func() func([][]byte) {
				parser := &simplon.Parser{}
				return func(parts [][]byte) { d.receive(parser, parts) }
			}, d.o.Log)
		})
	}
	receivers.Go(func() { d.joinLate(ctx) })
	for _, jobs := range d.jobs {
		workers.Go(func() { d.decode(jobs) })
	}
	receivers.Wait()
	for _, jobs := range d.jobs {
		close(jobs)
	}
	workers.Wait()
}

// receive takes in one message.
func (d *detector) receive(parser *simplon.Parser, parts [][]byte) {
	now, bytes := time.Now(), 0
	for _, part := range parts {
		bytes += len(part)
	}
	d.lastByte.Store(now.UnixNano())
	found, err := parser.Parse(parts)
	for _, m := range found {
		d.send(d.route(m, job{at: now, bytes: bytes}))
	}
	if err != nil {
		d.countDamaged(err)
	}
	d.queue.notify()
}

// send has images decoded. It waits while the queue is full.
func (d *detector) send(ready []job) {
	for _, j := range ready {
		d.jobs[j.image.ID%int64(len(d.jobs))] <- j
	}
}

// countDamaged counts a damaged message, and logs the first.
func (d *detector) countDamaged(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.damaged++; d.damaged == 1 {
		d.o.Log.Warn("a message is skipped; further ones are only counted", "address", d.o.Stream.Address, "error", err)
	}
}

// route returns the images that a message makes ready to be decoded.
func (d *detector) route(m simplon.Message, arrived job) (ready []job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch m := m.(type) {
	case simplon.Start:
		if d.series != nil || !d.o.Stream.Series.accepts(m.Series) {
			if !d.follows(m.Series) {
				d.countOther(m.Series)
			}
			return nil
		}
		d.images, d.facts = m.Images, m.Facts
		return d.begin(m.Series)
	case *simplon.Image:
		arrived.image = m
		switch {
		case d.series == nil && d.o.Stream.Series.accepts(m.Series):
			d.hold(arrived)
			return d.join()
		case !d.follows(m.Series):
			d.countOther(m.Series)
		case d.prepare(m):
			return []job{arrived}
		}
	case simplon.End:
		if d.lastEnd = m.Series; d.follows(m.Series) {
			d.ended = true
		}
	}
	return nil
}

// follows reports whether a series is the one. Names decide only if both have one.
func (d *detector) follows(s simplon.Series) bool {
	return d.series != nil && d.series.ID == s.ID &&
		(d.series.Name == s.Name || d.series.Name == "" || s.Name == "")
}

// countOther counts a message of another series.
func (d *detector) countOther(s simplon.Series) {
	d.other++
	d.otherOne = s
}

// begin follows a series, and returns its images that were held.
func (d *detector) begin(s simplon.Series) (ready []job) {
	d.series = &s
	d.o.Log.Info("a series begins", "series", s.ID, "name", s.Name, "images", d.images)
	for _, j := range d.held {
		switch {
		case !d.follows(j.image.Series):
			d.countOther(j.image.Series)
		case d.prepare(j.image):
			ready = append(ready, j)
		}
	}
	if len(ready) > 0 && d.follows(d.lastEnd) { // joined after its end
		d.ended = true
	}
	d.held, d.size = nil, 0
	return ready
}

// hold keeps an image whose series has not begun: with several connections, the start may come a little later. The
// oldest ones give way.
func (d *detector) hold(j job) {
	if len(d.held) == 0 {
		d.heldFrom = j.at
	}
	d.held, d.size = append(d.held, j), d.size+j.bytes
	for len(d.held) > mostHeld || d.size > heldBytes && len(d.held) > 1 {
		d.countOther(d.held[0].image.Series)
		d.size -= d.held[0].bytes
		d.held = d.held[1:]
	}
}

// patience is how long the start of a series may come after its first image.
const patience = time.Second

// join follows a series from its middle, if the user allows that and its start has not come for a while. It returns the
// images that were held.
func (d *detector) join() []job {
	if d.series != nil || len(d.held) == 0 || !d.o.Stream.Series.joins() ||
		time.Since(d.heldFrom) < patience && len(d.held) < mostHeld && d.size < heldBytes {
		return nil
	}
	one := d.held[0].image.Series
	d.o.Log.Warn("the series is followed from its middle: its start, with mask and energy, was not received",
		"address", d.o.Stream.Address, "series", one.ID)
	d.facts.Kind = source.Counts
	return d.begin(one)
}

// joinLate joins a series also if no further image comes.
func (d *detector) joinLate(ctx context.Context) {
	ticks := time.NewTicker(patience / 2)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		d.mu.Lock()
		ready := d.join()
		d.mu.Unlock()
		d.send(ready)
		d.queue.notify()
	}
}

// prepare reports whether an image can be decoded. The first one shows how.
func (d *detector) prepare(m *simplon.Image) bool {
	if d.fatal != nil {
		return false
	}
	if d.scan == nil {
		if err := d.open(m); errors.Is(err, simplon.ErrMessage) {
			d.damaged++
			d.o.Log.Warn("a message is skipped; further ones are only counted", "address", d.o.Stream.Address,
				"error", err)
			return false
		} else if err != nil {
			d.fatal = err
			return false
		}
	}
	d.accepted.Add(1)
	d.working.Add(1)
	d.see(m.ID)
	return true
}

// see notes an id. One beyond the number of images that the series announced says nothing of those before it.
func (d *detector) see(id int64) {
	if d.images == 0 || id < int64(d.images) {
		d.gaps.see(id)
		return
	}
	if len(d.beyond) == 0 {
		d.beyond = map[int64]bool{}
		d.o.Log.Warn("an image has a number beyond those that the series announced; further ones are not logged",
			"address", d.o.Stream.Address, "number", id, "images", d.images)
	}
	d.beyond[id] = true
}

// open learns from the first image how to read all of them.
func (d *detector) open(m *simplon.Image) error {
	first := make([]float32, m.Height*m.Width)
	if _, err := m.Unpack(first, nil); err != nil {
		return err
	}
	opt := d.o.Read
	opt.Log = d.o.Log
	scan, err := dataset.OpenImages(source.Images{
		Address: d.o.Stream.Address, Type: m.Type, Height: m.Height, Width: m.Width, First: first, Facts: d.facts,
	}, opt)
	if err != nil {
		return err
	}
	if err := reconstruct.Fits(scan, d.o.Contract); err != nil {
		return err
	}
	d.scan, d.first = scan, m
	return nil
}

// decode makes patterns of images.
func (d *detector) decode(jobs chan job) {
	var raw []float32
	var scratch []byte
	for j := range jobs {
		raw, scratch = d.decodeOne(j, raw, scratch)
		d.working.Add(-1)
		d.queue.notify()
	}
}

func (d *detector) decodeOne(j job, raw []float32, scratch []byte) ([]float32, []byte) {
	d.mu.Lock()
	scan, first := d.scan, d.first
	d.mu.Unlock()
	m := j.image
	if m.Height != first.Height || m.Width != first.Width || m.Type != first.Type {
		d.refuse(fmt.Errorf("image %d has %d x %d pixels of type %s, and the first had %d x %d of type %s",
			m.ID, m.Height, m.Width, m.Type, first.Height, first.Width, first.Type))
		return raw, scratch
	}
	if len(raw) == 0 {
		raw = make([]float32, m.Height*m.Width)
	}
	scratch, err := m.Unpack(raw, scratch)
	if err != nil {
		d.refuse(err)
		return raw, scratch
	}
	a := arrival{id: m.ID, at: j.at, pattern: make([]float32, scan.N*scan.N)}
	if a.fault = scan.Amplitudes(a.pattern, raw, int(m.ID)); a.fault == nil {
		a.sum = checksum(frame{}, a.pattern)
	}
	d.queue.put(a)
	return raw, scratch
}

// refuse counts an image that was accepted and then found damaged.
func (d *detector) refuse(err error) {
	d.accepted.Add(-1)
	d.countDamaged(err)
}

// state is what the follower needs to know.
type state struct {
	fatal   error
	ended   bool // the series has ended, and nothing is being decoded
	images  int
	other   int
	damaged int
	next    int64 // the largest id that has come plus 1, of those that the series announced
	beyond  int   // ids that have come beyond these
	scan    *dataset.Scan
}

func (d *detector) state() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := state{fatal: d.fatal, images: d.images, other: d.other + len(d.held), damaged: d.damaged, scan: d.scan}
	s.next, s.beyond = d.gaps.next, len(d.beyond)
	s.ended = d.ended && d.working.Load() == 0
	return s
}

// missing lists ids that did not come; with all, also those after the last one that came.
func (d *detector) missing(all bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !all {
		return d.gaps.String()
	}
	g := gaps{ranges: slices.Clone(d.gaps.ranges), next: d.gaps.next}
	if end := int64(d.images); end > g.next {
		g.ranges = append(g.ranges, [2]int64{g.next, end})
	}
	return g.String()
}

// missed is the error of a watch to which no frame came within a time, or frames without the start of their series.
func (d *detector) missed(idle time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.otherOne
	if len(d.held) > 0 {
		one = d.held[0].image.Series
	}
	switch {
	case d.series == nil && d.lastByte.Load() == 0:
		return &badinput.Error{
			File: d.o.Stream.Address, Found: fmt.Sprintf("no message within %v", idle), Expected: "frames of a series",
			Remedy: "check the address and the detector's stream; with --idle 0, ptyx waits without end",
		}
	case d.series != nil && d.accepted.Load() == 0:
		return &badinput.Error{
			File: d.o.Stream.Address, Found: fmt.Sprintf("the start of series %d and no frame of it", d.series.ID),
			Expected: "frames",
			Remedy:   "check that the detector was triggered, and that no other receiver takes its frames",
		}
	case d.series != nil || d.other+len(d.held) == 0:
		return nil
	}
	return &badinput.Error{
		File: d.o.Stream.Address, Found: fmt.Sprintf("frames of series %d, but not the start of it", one.ID),
		Expected: "the start of a series",
		Remedy:   fmt.Sprintf("start ptyx before the detector, or give --series %d to follow that one", one.ID),
	}
}
