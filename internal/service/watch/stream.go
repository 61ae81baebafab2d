package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/scratch"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/zeromq"
)

// Stream is a detector that sends its frames over the network.
type Stream struct {
	Address     string // tcp://HOST:PORT; empty: files are followed
	Connections int    // to the detector, which sends each message to one of them
	Series      SeriesChoice
	WhenBehind  Policy
	Scratch     string // directory with room for frames that wait
	Room        int64  // bytes of frames that may wait there
}

// check refuses a stream that cannot be followed.
func (s Stream) check(positions string, v dataset.View) error {
	if s.Address == "" {
		if zeromq.IsAddress(positions) {
			return &badinput.Error{Key: "--positions-file", Found: positions, Expected: "a file",
				Remedy: "only frames of a detector's stream get positions from a stream"}
		}
		return nil
	}
	if err := zeromq.CheckAddress(s.Address); err != nil {
		return err
	}
	const most = 64
	switch {
	case positions == "" && !v.Raster.IsZero() && v.StepNM <= 0:
		return &badinput.Error{Key: "--raster", Found: "a raster without a step", Expected: "--step-nm"}
	case positions == "" && v.Raster.IsZero():
		return &badinput.Error{File: s.Address, Found: "no positions", Expected: "--positions-file, or --raster",
			Remedy: "name the file with the planned positions, or tcp://HOST:PORT that sends them"}
	case positions != "" && (!v.Raster.IsZero() || v.StepNM > 0):
		return &badinput.Error{Key: "--raster, --step-nm", Found: "a raster beside --positions-file",
			Expected: "one of them"}
	case s.Connections < 1 || s.Connections > most:
		return &badinput.Error{Key: "--connections", Found: fmt.Sprint(s.Connections),
			Expected: fmt.Sprintf("1 to %d", most)}
	case s.Room <= 0:
		return &badinput.Error{Key: "--keep-gb", Found: "no room", Expected: "a number above 0"}
	case zeromq.IsAddress(positions):
		if err := zeromq.CheckAddress(positions); err != nil {
			return err
		}
	}
	return dataset.CheckImages(s.Address, v)
}

// stream follows a detector. One goroutine uses it.
type stream struct {
	w        *Watcher
	detector *detector
	places   *placeStream // nil: positions come from a file
	queue    *queue
	store    *scratch.Store
	from     *file          // the detector, for messages
	waiting  map[int64]held // frames without a position, by id
	due      []arrival      // frames whose position has come
	images   int            // that the detector was asked for; 0: unknown
	beyond   int            // ids that have come beyond these
	dropped  int
	pattern  []float32 // (N, N)

	looked   time.Time // at the file of positions
	shown    time.Time // the rates
	arrived  int64     // frames at that time
	computed int       // frames at that time
	finished bool      // the series has ended, and all of it was received
}

// held is a frame in the store.
type held struct {
	place int
	sum   uint64 // of its pattern
}

// queuedRounds is how many rounds of the network wait in memory: beyond that, the network is behind.
const queuedRounds = 8

func (w *Watcher) newStream() *stream {
	o, values := w.o, w.o.Contract.N*w.o.Contract.N
	s := &stream{
		w: w, store: scratch.New(o.Stream.Scratch, values, o.Stream.Room), from: &file{path: o.Stream.Address},
		waiting: map[int64]held{}, pattern: make([]float32, values), shown: o.Clock.Now(),
	}
	var once sync.Once
	s.queue = newQueue(queuedRounds*w.network.round(), o.Stream.WhenBehind, s.store, func(err error) {
		once.Do(func() { o.Log.Warn("no frame can be kept for later, so the sender waits", "error", err) })
	})
	s.detector = newDetector(o, s.queue)
	if zeromq.IsAddress(o.Positions) {
		s.places = &placeStream{address: o.Positions, unit: string(o.Read.View.Unit), log: o.Log, news: s.queue.notify}
		s.places.room = sync.NewCond(&s.places.mu)
	}
	return s
}

// followStream follows a detector until its series has ended, or the watch ends for another reason.
func (w *Watcher) followStream(ctx context.Context) (ended End, err error) {
	s := w.newStream()
	w.stream = s
	receiving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { s.detector.run(receiving) })
	if s.places != nil {
		running.Go(func() { s.places.run(receiving) })
	}
	defer func() {
		stop()
		s.queue.close()
		if s.places != nil {
			s.places.close()
		}
		running.Wait()
		err = errors.Join(err, s.store.Close())
	}()
	for ctx.Err() == nil {
		worked, err := s.step()
		if err != nil {
			return "", err
		}
		if end, over := s.over(); over {
			return end, s.end()
		}
		w.saveIfDue()
		s.showIfDue()
		w.o.Page.update(w)
		if !worked {
			s.sleep(ctx)
		}
	}
	stop()
	return Interrupted, s.drain()
}

// sleep returns when there is news, or after a short time.
func (s *stream) sleep(ctx context.Context) {
	const longest = 100 * time.Millisecond
	timer := time.NewTimer(min(longest, s.w.o.Interval))
	defer timer.Stop()
	select {
	case <-s.queue.news:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// step takes in what has come, and has at most a round of the network computed. It reports whether there was anything
// to do.
func (s *stream) step() (worked bool, err error) {
	state := s.detector.state()
	if state.fatal != nil {
		return false, state.fatal
	}
	s.images, s.beyond = state.images, state.beyond
	if state.scan == nil { // nothing to compute yet
		return false, s.updatePositions(nil)
	}
	s.w.object.scale, s.w.measured = state.scan.PixelScale, state.scan.Measured
	s.w.pixelNM = metresToNM * state.scan.Geometry.PixelX
	if err := s.updatePositions(state.scan); err != nil {
		return false, err
	}
	some := s.due[:min(s.w.network.round(), len(s.due))]
	if s.due = s.due[len(some):]; len(some) == 0 {
		s.due = nil
		some = s.queue.take(s.w.network.round())
	}
	for _, a := range some {
		if err := s.admit(a, state.scan); err != nil {
			return false, err
		}
	}
	if len(some) == 0 {
		return false, s.flush(false)
	}
	return true, nil
}

// flush has the frames that were gathered computed. With all false, the first ones may wait.
func (s *stream) flush(all bool) error { return unwrapFatal(s.w.stitch(all)) }

// end has the last frames computed. If there was none, it says why.
func (s *stream) end() error {
	s.finished = true // what was announced and has not come is missing
	if err := s.flush(true); err != nil || len(s.w.object.placed) > 0 {
		return err
	}
	if ids := slices.Sorted(maps.Keys(s.waiting)); len(ids) > 0 {
		found := fmt.Sprintf("no position of the %d frames that came, %d to %d", len(ids), ids[0], ids[len(ids)-1])
		return &badinput.Error{
			File: s.w.o.Positions, Found: found, Expected: "positions with the ids of the frames", Remedy: s.remedy(),
		}
	}
	return s.detector.missed(s.w.o.Idle)
}

// remedy is what to do if no frame has got its position.
func (s *stream) remedy() string {
	p := s.w.positions
	switch count := s.places.skipped(); {
	case count > 0:
		return fmt.Sprintf("%d messages of positions could not be used: see the log for the first", count)
	case p.fault != nil:
		return "see the log for the fault of the positions"
	case p.byID.count == 0:
		return "none has come"
	}
	low, high := p.byID.span()
	return fmt.Sprintf("check the ids: those of the positions are %d to %d", low, high)
}

// unwrapFatal is the error inside, where all errors are fatal.
func unwrapFatal(err error) error {
	if fatal := (*fatalError)(nil); errors.As(err, &fatal) {
		return fatal.error
	}
	return err
}

// admit takes in a frame: it goes to the network, or waits for its position.
func (s *stream) admit(a arrival, scan *dataset.Scan) error {
	w, f := s.w, frame{id: a.id, sum: a.sum, from: s.from}
	if a.fault != nil {
		w.refuse(f, a.fault)
		return nil
	}
	if a.pattern == nil {
		if err := s.store.Take(a.place, s.pattern); err != nil {
			return err
		}
		a.pattern = s.pattern
	}
	sum, seen := s.sum(a.id)
	at, known := w.positions.byID.get(a.id)
	switch {
	case seen && sum != a.sum:
		w.object.differ[a.id] = true
		w.remark(f, fmt.Errorf("frame %d differs from the earlier frame of that id, which stays in the object", a.id))
		return nil
	case seen:
		w.counts.Repeated++
		return nil
	case !known:
		return s.wait(a)
	}
	s.note(a.id)
	return s.compute(f, a.pattern, at, scan)
}

// sum is the checksum of the first frame of an id that came; a refused one does not count.
func (s *stream) sum(id int64) (sum uint64, seen bool) {
	if a, waits := s.waiting[id]; waits {
		return a.sum, true
	}
	return s.w.object.sum(id)
}

// note remembers the largest id, and that there is news.
func (s *stream) note(id int64) {
	s.w.object.largest = max(s.w.object.largest, id)
	s.w.news = s.w.o.Clock.Now()
}

// compute passes a frame to the network.
func (s *stream) compute(f frame, pattern []float32, at position, scan *dataset.Scan) error {
	f.x, f.y = s.w.positions.inView(at, scan)
	s.w.object.claim(f)
	if s.w.network.add(f, pattern, s.w.o.Clock.Now()) {
		return s.flush(false)
	}
	return nil
}

// wait keeps a frame until its position comes. If it cannot be kept, it is lost, and counted.
func (s *stream) wait(a arrival) error {
	place, err := s.store.Put(a.pattern)
	if err != nil {
		if s.dropped++; s.dropped == 1 {
			s.w.o.Log.Warn("frames without a position are lost", "frame", a.id, "error", err)
		}
		return nil
	}
	s.waiting[a.id] = held{place, a.sum}
	s.note(a.id)
	return nil
}

// updatePositions takes in positions that have come. Frames that waited for them are due.
func (s *stream) updatePositions(scan *dataset.Scan) error {
	p, now := s.w.positions, s.w.o.Clock.Now()
	if s.places != nil {
		s.places.takeInto(p)
	} else if p.path != "" && now.Sub(s.looked) >= s.w.o.Interval {
		s.looked = now
		newFault := p.fault == nil
		p.look()
		if newFault {
			p.faultSince = now
		}
		s.w.reportPositionsFault(s.w.o.GiveUp)
	}
	if scan == nil || len(p.fresh) == 0 {
		return nil
	}
	if p.metres && scan.Geometry.PixelX*scan.Geometry.PixelY == 0 {
		return noPixelSize(s.w.o.Stream.Address)
	}
	s.w.news = now
	for _, id := range p.fresh {
		if a, waits := s.waiting[id]; waits {
			delete(s.waiting, id)
			s.due = append(s.due, arrival{id: id, place: a.place, sum: a.sum})
		}
	}
	p.fresh = nil
	return nil
}

// over reports whether the watch has ended, and why.
func (s *stream) over() (End, bool) {
	w, now := s.w, s.w.o.Clock.Now()
	if w.complete() {
		return Complete, true
	}
	state := s.detector.state()
	queued, kept, _ := s.queue.lengths()
	empty := queued == 0 && kept == 0 && len(s.due) == 0 && s.detector.working.Load() == 0
	silent := now.Sub(time.Unix(0, s.detector.lastByte.Load()))
	if !empty {
		w.news = now
		return "", false
	}
	// Another connection may still bring frames behind the end. If none is missing, the watch is complete before.
	s.finished = state.ended && silent >= max(w.o.Interval, 2*patience)
	if s.finished && len(s.waiting) == 0 {
		return SeriesEnd, true
	}
	return Idle, w.o.Idle > 0 && now.Sub(w.news) >= w.o.Idle && silent >= w.o.Idle
}

// drain has the frames computed that are there when the watch is interrupted, within the grace.
func (s *stream) drain() error {
	end := s.w.o.Clock.Now().Add(s.w.o.Grace)
	for s.w.o.Clock.Now().Before(end) {
		worked, err := s.step()
		if err != nil {
			return err
		}
		if !worked && s.detector.working.Load() == 0 {
			if queued, kept, _ := s.queue.lengths(); queued+kept == 0 {
				break
			}
		}
	}
	return s.flush(true)
}

// count adds to a tally what concerns a stream, and returns how many frames are expected.
func (s *stream) count(t *Tally, expected int) int {
	state := s.detector.state()
	queued, kept, _ := s.queue.lengths()
	t.Waiting, t.Dropped = len(s.waiting), s.dropped
	t.Kept = kept + queued + len(s.due) + len(s.w.network.gathered) + int(s.detector.working.Load())
	t.OtherSeries, t.Damaged = state.other, state.damaged+s.places.skipped()
	if s.w.o.Frames > 0 {
		return expected
	}
	switch { // frames that are kept for later have come, too
	case s.images == 0:
		return max(expected, int(state.next))
	case s.finished:
		return s.images + s.beyond
	}
	return int(state.next) + s.beyond
}

// showIfDue logs the rates from time to time.
func (s *stream) showIfDue() {
	now := s.w.o.Clock.Now()
	span := now.Sub(s.shown)
	if span < max(time.Second, s.w.o.Every) {
		return
	}
	arrived, computed := s.detector.accepted.Load(), len(s.w.object.placed)
	if arrived != s.arrived || computed != s.computed {
		queued, kept, every := s.queue.lengths()
		t := s.w.tally()
		s.w.o.Log.Info("stream", "arriving_per_s", rate(int(arrived-s.arrived), span),
			"computed_per_s", rate(computed-s.computed, span), "queued", queued, "kept", kept, "every", every,
			"waiting", t.Waiting, "lost", t.Missing, "damaged", t.Damaged)
	}
	s.shown, s.arrived, s.computed = now, arrived, computed
}

// rate is a number per second, to one decimal.
func rate(count int, span time.Duration) float64 {
	return float64(int(10*float64(count)/span.Seconds()+0.5)) / 10
}
