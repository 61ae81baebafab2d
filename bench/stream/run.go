package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/simplon/simplontest"
	"ptyx/internal/service/watch"
	"ptyx/internal/service/zeromq/zeromqtest"
)

// Sides of the object in pixels, about: of a large scan, and of one that leaves the memory to the frames.
const (
	largeSide = 2000
	smallSide = 400
)

// bench has what all runs with one model share.
type bench struct {
	dir      string
	side     int // of the object, about
	model    []byte
	contract contract.Contract
	detector simplontest.Detector
	counts   [][]uint16 // of the scan's patterns
	places   []place    // of the frames, by id
	options  watch.Options
}

// place is a position in object pixels.
type place struct{ x, y float64 }

func newBench(model, scan string, frames, side int, every time.Duration) (*bench, error) {
	b := &bench{side: side}
	var err error
	if b.model, _, b.contract, err = contract.Load(model); err != nil {
		return nil, err
	}
	file, counts, err := countsOf(scan)
	if err != nil {
		return nil, err
	}
	b.counts = counts
	b.detector = simplontest.Detector{
		Series: 1, Version: 2, Height: file.N, Width: file.N, Images: frames, Packing: "bslz4",
	}
	if b.dir, err = os.MkdirTemp("", "ptyx-bench-"); err != nil {
		return nil, err
	}
	b.places = placesOf(frames, inRow(side, file.N), file.N/2)
	workers := engine.Options{}.ThreadCount() // as ptyx watch does
	b.options = watch.Options{
		Positions: filepath.Join(b.dir, "plan.csv"), BatchSize: 16, Workers: workers, Interval: time.Second,
		Idle: time.Minute, GiveUp: time.Minute, Every: every, Grace: time.Minute, Contract: b.contract,
		Clock: watch.RealClock{}, Log: slog.New(slog.DiscardHandler),
		Stream: watch.Stream{Connections: 1, WhenBehind: watch.Wait, Scratch: b.dir, Room: 1 << 34},
	}
	var plan []byte
	for id, p := range b.places {
		plan = fmt.Appendf(plan, "%d,%v,%v\n", id, p.x, p.y)
	}
	return b, os.WriteFile(b.options.Positions, plan, 0o644)
}

// countsOf reads the patterns of a scan as counts (M, N*N). The scan is closed; its positions and size stay.
func countsOf(path string) (file *dataset.Scan, all [][]uint16, err error) {
	if file, err = dataset.Open(path, dataset.Options{NoProbe: true, NoObject: true}); err != nil {
		return nil, nil, err
	}
	defer file.Close()
	const most = 60000 // of a pixel; counts above it would be the detector's mark of a saturated one
	err = file.EachAmplitude(func(pattern []float32) error {
		counts := make([]uint16, len(pattern))
		for i, v := range pattern {
			counts[i] = uint16(min(most, v*v+0.5))
		}
		all = append(all, counts)
		return nil
	})
	return file, all, err
}

// placesOf puts frames row by row into a square of side x side of them. Neighbours are half a frame apart, so none
// before it covers the middle of each. When the object is full, they begin again at its first corner.
func placesOf(frames, side, half int) (places []place) {
	for id := range frames {
		cell := id % (side * side)
		places = append(places, place{float64(half + cell%side*half), float64(half + cell/side*half)})
	}
	return places
}

// inRow is the number of frames of n x n pixels in a row of an object of so many pixels.
func inRow(side, n int) int { return 2*side/n - 1 }

// distinct is how many frames have a place of their own.
func (b *bench) distinct() int {
	side := inRow(b.side, b.contract.N)
	return min(len(b.places), side*side)
}

// measured is the result of a run.
type measured struct {
	*watch.Outcome
	begin, lastSent, computed, end time.Time
	page, file                     []time.Duration // latencies
}

// rate is how many frames per second were computed.
func (m measured) rate() float64 { return float64(m.Frames) / m.computed.Sub(m.begin).Seconds() }

// run sends frames at a rate, or as fast as they are taken if it is 0. empty is a network in place of the model's; nil:
// there is none.
func (b *bench) run(frames int, rate float64, policy watch.Policy, empty predict.Predictor) (m measured, err error) {
	predictor, release := empty, func() error { return nil }
	if empty == nil {
		if predictor, release, err = local.Open(engine.Options{Kind: engine.KindORT, Threads: 1}, b.model); err != nil {
			return m, err
		}
	}
	defer func() { err = errors.Join(err, predictor.Close(), release()) }()
	sender, err := zeromqtest.Listen(context.Background())
	if err != nil {
		return m, err
	}
	defer sender.Close()
	o, latencies := b.options, newLatencies(frames)
	o.Predictor, o.Stream.Address, o.Stream.WhenBehind, o.Frames = predictor, sender.Address(), policy, frames
	o.Page = watch.NewPage(b.contract)
	o.Save = func(r *reconstruct.Result) error {
		latencies.computedAll(r.Patches == frames)
		err := r.SaveInTurn(filepath.Join(b.dir, "out"), "")
		latencies.saved(r.IDs)
		return err
	}
	encode := func(w io.Writer, r *reconstruct.Result) error { return r.Encode(w, "") }
	server := httptest.NewServer(o.Page.Handler(encode))
	defer server.Close()
	page, err := openPage(server.URL, b, latencies)
	if err != nil {
		return m, err
	}
	defer page.close()
	failed := make(chan error, 1)
	go func() { failed <- b.send(sender, frames, rate, latencies) }()
	if m.Outcome, err = watch.Run(context.Background(), o); err != nil {
		return m, err
	}
	err = <-failed
	m.begin, m.lastSent, m.computed, m.end = latencies.sent[0], latencies.lastSent, latencies.computed, latencies.last
	m.page, m.file = latencies.page, latencies.file
	return m, err
}

// send sends the series.
func (b *bench) send(sender *zeromqtest.Sender, frames int, rate float64, l *latencies) error {
	if err := sender.Send(b.detector.Start()...); err != nil {
		return err
	}
	start := time.Now()
	for id := range frames {
		message := b.detector.Image(int64(id), b.counts[id%len(b.counts)])
		if rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(float64(id) / rate * float64(time.Second)))))
		}
		l.send(id)
		if err := sender.Send(message...); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastSent = time.Now()
	return nil
}

// latencies are the times from a frame's last byte to its first appearance.
type latencies struct {
	mu         sync.Mutex
	sent       []time.Time
	onDisk     []bool
	page, file []time.Duration
	computed   time.Time // when the last files were begun, or the first ones with all frames
	all        bool      // they had all frames
	last       time.Time // of the files
	lastSent   time.Time // the last byte of all
}

func newLatencies(frames int) *latencies {
	return &latencies{sent: make([]time.Time, frames), onDisk: make([]bool, frames)}
}

// send notes that a frame is about to be sent. Its last byte leaves a little later.
func (l *latencies) send(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id] = time.Now()
}

// computedAll notes that the frames so far, or all of the series, are in the object, whose files are to be written.
func (l *latencies) computedAll(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.all {
		l.computed, l.all = time.Now(), all
	}
}

// saved notes that files with frames are there.
func (l *latencies) saved(ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
	for _, id := range ids {
		if !l.onDisk[id] {
			l.onDisk[id] = true
			l.file = append(l.file, l.last.Sub(l.sent[id]))
		}
	}
}

// shown notes that a page has a frame.
func (l *latencies) shown(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.page = append(l.page, time.Since(l.sent[id]))
}

// measureOne measures one model.
func (s settings) measureOne(model, scan string) (f figures, err error) {
	b, err := newBench(model, scan, s.frames, largeSide, s.every)
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(b.dir)
	fast, err := b.run(s.frames, 0, watch.Wait, nil)
	if err != nil {
		return f, err
	}
	refined, err := b.refined(s.frames)
	if err != nil {
		return f, err
	}
	f = figures{
		Pixels: b.contract.N, Frames: s.frames, Rate: math.Round(10*fast.rate()) / 10, Load: s.load,
		Refined: math.Round(10*refined.rate()) / 10, Missing: fast.Missing + refined.Missing,
	}
	if f.Missing > 0 {
		return f, fmt.Errorf("%d frames are missing although the sender waits", f.Missing)
	}
	slow, err := b.run(b.distinct(), s.load*fast.rate(), watch.Wait, nil)
	if err != nil {
		return f, err
	}
	f.Page, f.File = quantilesOf(slow.page), quantilesOf(slow.file)
	if len(slow.page) < b.distinct()*9/10 {
		return f, fmt.Errorf("the page showed %d of %d frames", len(slow.page), b.distinct())
	}
	for _, policy := range []watch.Policy{watch.Wait, watch.Skip} {
		m, err := b.run(s.frames, 2*fast.rate(), policy, nil)
		if err != nil {
			return f, err
		}
		f.Behind = append(f.Behind, behind{
			Policy: string(policy), Sent: math.Round(float64(s.frames) / m.lastSent.Sub(m.begin).Seconds()),
			Computed: m.Frames, Missing: m.Missing, Dropped: m.Dropped,
			Behind: math.Round(10*m.end.Sub(m.lastSent).Seconds()) / 10,
		})
	}
	f.Killed, err = b.kill(s.program, model, s.frames, fast.rate()/2)
	return f, err
}
