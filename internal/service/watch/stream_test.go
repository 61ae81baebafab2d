package watch

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ptyx/internal/base/testutil"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz/npztest"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	"ptyx/internal/service/simplon/simplontest"
	"ptyx/internal/service/zeromq/zeromqtest"
)

// The detector of the tests is cropped to 128 pixels around (row 66, column 72), and binned to 64.
const height, width = 133, 141

// measured is a scan of counts on the detector.
type measured struct {
	counts [][]uint16 // (M), of height*width
	mask   []uint32
	x, y   []float64
}

// measure makes count random frames. Pixels of the mask have the largest count.
func measure(count int) measured {
	random := rand.New(rand.NewPCG(5, 6))
	m := measured{mask: make([]uint32, height*width)}
	for i := range m.mask {
		if random.IntN(50) == 0 {
			m.mask[i] = 1
		}
	}
	x, y := testutil.Uniform(2, 40, 100, count), testutil.Uniform(3, 35, 85, count)
	for i := range count {
		frame := make([]uint16, height*width)
		for k := range frame {
			if frame[k] = uint16(random.IntN(3)); m.mask[k] > 0 {
				frame[k] = 65535
			}
		}
		m.counts = append(m.counts, frame)
		m.x, m.y = append(m.x, float64(x.Data[i])), append(m.y, float64(y.Data[i]))
	}
	return m
}

// view is how the frames become patterns.
func view() dataset.View {
	return dataset.View{Library: hdf5test.Library(), Crop: dataset.Crop{Size: 128, Row: 66, Col: 72}, Bin: 2}
}

// detector sends the frames.
func (m measured) detector(version int, packing string) simplontest.Detector {
	return simplontest.Detector{
		Series: 7, Version: version, Height: height, Width: width, Images: len(m.counts), Energy: 6200, Distance: 1.9,
		Pixel: 75e-6, Packing: packing, Mask: m.mask,
	}
}

// inferred is what ptyx infer makes of the frames ids in a file.
func (m measured) inferred(t *testing.T, ids []int) []byte {
	t.Helper()
	var raw []byte
	var x, y, mask []float64
	for _, id := range ids {
		raw, _ = binary.Append(raw, binary.LittleEndian, m.counts[id])
		x, y = append(x, m.x[id]), append(y, m.y[id])
	}
	for _, v := range m.mask {
		mask = append(mask, float64(v))
	}
	path := npztest.File(t, npztest.Zip(zip.Store,
		npztest.Array{Key: "diff3d", Dtype: "<u2", Shape: []int{len(ids), height, width}, Raw: raw},
		npztest.Real("xcoords", "<f8", x, len(ids)), npztest.Real("ycoords", "<f8", y, len(ids)),
		npztest.Real("bad_pixels", "<f4", mask, height, width)))
	scan, err := dataset.Open(path, dataset.Options{NoProbe: true, NoObject: true, View: view(),
		Input: dataset.Intensity})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	r, err := reconstruct.Run(context.Background(), &fake{}, scan, model(), reconstruct.Options{BatchSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, r)
}

// plan writes the positions as a planned list, and returns its path.
func (m measured) plan(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.csv")
	put(t, path, m.csv("x,y\n", upTo(len(m.x)), false))
	return path
}

// csv are lines of positions.
func (m measured) csv(head string, ids []int, withIDs bool) string {
	var b strings.Builder
	b.WriteString(head)
	for _, id := range ids {
		if withIDs {
			fmt.Fprintf(&b, "%d,", id)
		}
		fmt.Fprintf(&b, "%v,%v\n", m.x[id], m.y[id])
	}
	return b.String()
}

// live is a watch of a detector under test.
type live struct {
	t      *testing.T
	o      Options
	sender *zeromqtest.Sender
	fake   *fake

	mu    sync.Mutex
	log   bytes.Buffer
	saved [][]byte
}

func listenTo(t *testing.T, m measured) *live {
	t.Helper()
	sender, err := zeromqtest.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	l := &live{t: t, sender: sender, fake: &fake{}}
	l.o = Options{
		Read: dataset.Options{View: view()}, BatchSize: 4, Workers: 3, Positions: m.plan(t),
		Interval: 50 * time.Millisecond,
		Idle:     20 * time.Second, GiveUp: time.Second, Every: 100 * time.Millisecond, Grace: 10 * time.Second,
		Contract: model(), Predictor: l.fake, Clock: RealClock{}, Log: slog.New(slog.NewTextHandler(l, nil)),
		Stream: Stream{
			Address: sender.Address(), Connections: 1, WhenBehind: Wait, Scratch: t.TempDir(), Room: 1 << 30,
		},
		Save: func(r *reconstruct.Result) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.saved = append(l.saved, encode(t, r))
			return nil
		},
	}
	return l
}

// Write takes the log.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

func (l *live) logged() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

// send sends messages until the watch has ended.
func (l *live) send(messages ...[][]byte) {
	for _, m := range messages {
		if err := l.sender.Send(m...); err != nil {
			return // the watch has ended
		}
	}
}

// end runs the watch and checks how it ended and what was counted and made.
func (l *live) end(ended End, want Tally, object []byte) {
	l.t.Helper()
	out, err := Run(l.t.Context(), l.o)
	if err != nil {
		l.t.Fatalf("%v\n%s", err, l.logged())
	}
	if out.Ended != ended || out.Tally != want {
		l.t.Errorf("ended %s with %+v, want %s with %+v\n%s", out.Ended, out.Tally, ended, want, l.logged())
	}
	if len(l.saved) == 0 || !bytes.Equal(l.saved[len(l.saved)-1], object) {
		l.t.Errorf("the object of %d savings is not what infer makes of the frames", len(l.saved))
	}
	if l.fake.alive.Load() != 0 {
		l.t.Errorf("%d batches are left open", l.fake.alive.Load())
	}
}

// TestStreamGivesTheBytesOfInfer: both versions, every compression, in any order over several connections, with crop,
// bin and mask, give the bytes that ptyx infer writes for a file of the same frames.
func TestStreamGivesTheBytesOfInfer(t *testing.T) {
	const count = 23
	m := measure(count)
	want := m.inferred(t, upTo(count))
	for i, packing := range []string{"", "lz4", "bslz4"} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprint(version, packing), func(t *testing.T) {
				l, d := listenTo(t, m), m.detector(version, packing)
				l.o.Stream.Connections = 1 + i
				go func() {
					_ = l.sender.Wait(l.o.Stream.Connections)
					l.send(d.Start())
					for _, id := range rand.New(rand.NewPCG(uint64(i), uint64(version))).Perm(count) {
						l.send(d.Image(int64(id), m.counts[id]))
					}
					l.send(d.End())
				}()
				l.end(Complete, Tally{Frames: count}, want)
			})
		}
	}
}

// TestSeriesAreNotMixed: messages of other series, frames that come again, damaged messages and lost frames are
// counted, and the object is that of the frames of one series.
func TestSeriesAreNotMixed(t *testing.T) {
	const count = 12
	m := measure(count)
	l, d := listenTo(t, m), m.detector(2, "bslz4")
	before, after := d, d
	before.Series, after.Series = 6, 8
	go func() {
		// The end of an earlier series.
		l.send(before.Image(10, m.counts[1]), before.Image(11, m.counts[2]), before.End())
		l.send(d.Start())
		for id := range 9 { // 9 to 11 are lost
			l.send(d.Image(int64(id), m.counts[id]))
		}
		l.send(d.Image(3, m.counts[3]), d.Image(4, m.counts[5])) // the same again, and another of the same number
		broken := d.Image(9, m.counts[9])
		broken[0] = broken[0][:len(broken[0])-50]
		l.send(broken, [][]byte{[]byte("nothing")})
		l.send(after.Start(), after.Image(9, m.counts[9]), after.End(), before.Image(10, m.counts[1]))
		l.send(d.End())
	}()
	l.end(SeriesEnd, Tally{Frames: 9, Missing: 3, Repeated: 1, Conflicting: 1, OtherSeries: 5, Damaged: 2},
		m.inferred(t, upTo(9)))
}

// TestFramesBeyondTheSeries: a frame with a number beyond those that the series announced is used, and makes no frame
// before it missing.
func TestFramesBeyondTheSeries(t *testing.T) {
	m := measure(12)
	l, d := listenTo(t, m), m.detector(2, "bslz4")
	d.Images = 6
	go func() {
		l.send(d.Start())
		for _, id := range []int{0, 1, 2, 3, 4, 10} { // 5 is lost
			l.send(d.Image(int64(id), m.counts[id]))
		}
		l.send(d.End())
	}()
	out, err := Run(t.Context(), l.o)
	if want := (Tally{Frames: 6, Missing: 1}); err != nil || out.Tally != want || out.Ended != SeriesEnd {
		t.Errorf("ended %s with %+v (%v), want %+v\n%s", out.Ended, out.Tally, err, want, l.logged())
	}
}

// TestSeriesFromTheMiddle: without the start of a series, its frames are used only if the user names it.
func TestSeriesFromTheMiddle(t *testing.T) {
	m := measure(10)
	m.mask = make([]uint32, height*width) // nothing states it
	for i := range m.counts {
		for k, c := range m.counts[i] {
			if c == 65535 {
				m.counts[i][k] = 0
			}
		}
	}
	for _, choice := range []SeriesChoice{{Current: true}, {Number: 7}} {
		l, d := listenTo(t, m), m.detector(1, "lz4")
		l.o.Stream.Series = choice
		go func() {
			other := d
			other.Series = 9
			for id := 4; id < 10; id++ {
				l.send(d.Image(int64(id), m.counts[id]))
			}
			l.send(d.End())
		}()
		t.Run(choice.String(), func(t *testing.T) {
			l.t = t
			// The ids are those of the series, so the object is that of a file whose frames have them.
			out, err := Run(t.Context(), l.o)
			if err != nil {
				t.Fatalf("%v\n%s", err, l.logged())
			}
			if want := (Tally{Frames: 6, Missing: 4}); out.Tally != want || out.Ended != SeriesEnd {
				t.Errorf("ended %s with %+v, want %+v\n%s", out.Ended, out.Tally, want, l.logged())
			}
		})
	}
	t.Run("next", func(t *testing.T) {
		l, d := listenTo(t, m), m.detector(1, "lz4")
		l.o.Idle = 300 * time.Millisecond
		go l.send(d.Image(4, m.counts[4]), d.End())
		_, err := Run(t.Context(), l.o)
		if err == nil || !strings.Contains(err.Error(), "frames of series 7, but not the start of it") ||
			!strings.Contains(err.Error(), "--series 7") {
			t.Errorf("the error is %v", err)
		}
	})
}

// slowly is a network that computes a batch in a given time.
func slowly(d time.Duration) *fake {
	return &fake{run: func() error { time.Sleep(d); return nil }}
}

// TestTwiceAsFast: a sender at twice what can be computed loses nothing, with either policy.
func TestTwiceAsFast(t *testing.T) {
	// After a second, when the stream is logged, 133 frames have come and the network has computed half of them. A slow
	// machine has 7.5 ms for a frame.
	const count, perBatch = 140, 60 * time.Millisecond
	m := measure(count)
	want := m.inferred(t, upTo(count))
	for _, policy := range []Policy{Wait, Skip} {
		t.Run(string(policy), func(t *testing.T) {
			l, d := listenTo(t, m), m.detector(2, "lz4")
			l.fake = slowly(perBatch)
			l.o.Predictor, l.o.Stream.WhenBehind, l.o.Workers = l.fake, policy, 1
			gap := perBatch / 4 / 2 // half the time of a frame of a batch of 4
			messages := make([][][]byte, count)
			for id := range messages {
				messages[id] = d.Image(int64(id), m.counts[id])
			}
			go func() {
				l.send(d.Start())
				start := time.Now()
				for id, message := range messages {
					time.Sleep(time.Until(start.Add(time.Duration(id) * gap)))
					l.send(message)
				}
				l.send(d.End())
			}()
			l.end(Complete, Tally{Frames: count}, want)
			most := 0 // frames that waited for the network
			for _, kept := range regexp.MustCompile(`kept=(\d+)`).FindAllStringSubmatch(l.logged(), -1) {
				n, _ := strconv.Atoi(kept[1])
				most = max(most, n)
			}
			// The queue holds 8 rounds of the network, which gathers one.
			if inMemory := (queuedRounds + 1) * l.o.BatchSize; (most > inMemory) != (policy == Skip) {
				t.Errorf("with the policy %s, %d frames waited; %d fit into memory", policy, most, inMemory)
			}
		})
	}
}

// TestPositionsOfAStream: frames wait for positions that come later, as a growing file or as messages. The order of
// neither counts.
func TestPositionsOfAStream(t *testing.T) {
	const count = 30
	m := measure(count)
	want := m.inferred(t, upTo(count))
	order := rand.New(rand.NewPCG(8, 9)).Perm(count)
	t.Run("file", func(t *testing.T) {
		l, d := listenTo(t, m), m.detector(1, "bslz4")
		l.o.Positions = filepath.Join(t.TempDir(), "stage.csv")
		go func() {
			l.send(d.Start())
			for _, id := range order {
				l.send(d.Image(int64(id), m.counts[id]))
			}
			l.send(d.End())
			for i := 10; i <= count; i += 10 {
				text := m.csv("id,x,y\n", order[count-i:], true)
				if err := os.WriteFile(l.o.Positions, []byte(text), 0o644); err != nil {
					t.Error(err)
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		l.end(Complete, Tally{Frames: count}, want)
	})
	t.Run("messages", func(t *testing.T) {
		l, d := listenTo(t, m), m.detector(1, "bslz4")
		stage, err := zeromqtest.Listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer stage.Close()
		l.o.Positions = stage.Address()
		go func() {
			l.send(d.Start())
			for i, id := range order {
				if i%2 == 0 {
					_ = stage.Send([]byte(fmt.Sprintf(`{"ids": %d, "x": %v, "y": %v}`, id, m.x[id], m.y[id])))
				}
				l.send(d.Image(int64(id), m.counts[id]))
			}
			_ = stage.Send([]byte(`{"ids": [1, 2], "x": [1]}`))
			for i, id := range order {
				if i%2 != 0 {
					_ = stage.Send([]byte(fmt.Sprintf(`{"id": [%d], "x": [%v], "y": [%v], "unit": "px"}`,
						id, m.x[id], m.y[id])))
				}
			}
		}()
		l.end(Complete, Tally{Frames: count, Damaged: 1}, want)
		if !strings.Contains(l.logged(), "2 ids, 1 x, 0 y") {
			t.Errorf("a damaged message is not logged:\n%s", l.logged())
		}
	})
}

// TestRoomForWaitingFrames: frames that find no room while they wait for their position are counted, and the others
// are in the object.
func TestRoomForWaitingFrames(t *testing.T) {
	const count, fit = 10, 7
	m := measure(count)
	l, d := listenTo(t, m), m.detector(2, "lz4")
	l.o.Stream.Room = fit * 4 * image
	l.o.Positions = filepath.Join(t.TempDir(), "stage.csv")
	go func() {
		l.send(d.Start())
		for id := range count {
			l.send(d.Image(int64(id), m.counts[id]))
		}
		l.send(d.End())
		for !strings.Contains(l.logged(), "without a position are lost") {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond) // all frames have come
		put(t, l.o.Positions, m.csv("x,y\n", upTo(count), false))
	}()
	// Nor do all patches find room.
	want := unturned(t, func() []byte { return m.inferred(t, upTo(fit)) })
	l.end(SeriesEnd, Tally{Frames: fit, Missing: count - fit, Dropped: count - fit}, want)
}

// TestFramesDoNotWaitForTheDisk: while the object is being written, further frames are computed and shown.
func TestFramesDoNotWaitForTheDisk(t *testing.T) {
	const count = 12
	m := measure(count)
	l, d := listenTo(t, m), m.detector(2, "lz4")
	page := NewPage(l.o.Contract)
	l.o.Page = page
	writing, written, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	save := l.o.Save
	l.o.Save = func(r *reconstruct.Result) error {
		once.Do(func() {
			close(writing)
			defer close(written)
			for end := time.Now().Add(10 * time.Second); page.Status().Frames < 8; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Errorf("%d frames while the object is written, want 8", page.Status().Frames)
					return
				}
			}
		})
		return save(r)
	}
	go func() {
		l.send(d.Start())
		for id := range count {
			switch id {
			case 4:
				<-writing
			case count - 1:
				<-written
			}
			l.send(d.Image(int64(id), m.counts[id]))
		}
		l.send(d.End())
	}()
	l.end(Complete, Tally{Frames: count}, m.inferred(t, upTo(count)))
}

// TestRasterOfAStream: the positions of a raster are those of a planned list in the order of its rows.
func TestRasterOfAStream(t *testing.T) {
	m := measure(6)
	var objects [][]byte
	for _, raster := range []bool{false, true} {
		l := listenTo(t, m)
		if raster {
			l.o.Positions, l.o.Read.View.Raster, l.o.Read.View.StepNM = "", source.Raster{Rows: 2, Columns: 3}, 100
		} else {
			put(t, l.o.Positions, "x_nm,y_nm\n0,0\n100,0\n200,0\n0,100\n100,100\n200,100\n")
		}
		d := m.detector(2, "bslz4")
		go func() {
			l.send(d.Start())
			for _, id := range []int{5, 0, 3, 2, 4, 1} {
				l.send(d.Image(int64(id), m.counts[id]))
			}
			l.send(d.End())
		}()
		if out, err := Run(t.Context(), l.o); err != nil || out.Frames != 6 {
			t.Fatalf("%+v, %v\n%s", out, err, l.logged())
		}
		objects = append(objects, l.saved[len(l.saved)-1])
	}
	if !bytes.Equal(objects[0], objects[1]) {
		t.Error("a raster gives another object than the list of its positions")
	}
}

// TestUnusedPositions are counted, and reported: those in another kind of unit than the first ones.
func TestUnusedPositions(t *testing.T) {
	m := measure(2)
	l := listenTo(t, m)
	stage, err := zeromqtest.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	l.o.Positions, l.o.Idle = stage.Address(), 2*time.Second
	d := m.detector(2, "bslz4")
	go func() {
		_ = stage.Send([]byte(`{"ids": [0], "x": [50], "y": [50]}`))
		_ = stage.Send([]byte(`{"ids": [1], "x": [1], "y": [1], "unit": "um"}`))
		_ = stage.Send([]byte(`{"ids": [1], "x": [1], "y": [1], "Units": "um"}`))
		l.send(d.Start(), d.Image(0, m.counts[0]), d.Image(1, m.counts[1]))
	}()
	out, err := Run(t.Context(), l.o)
	if err != nil || out.Damaged != 2 || out.Waiting != 1 || strings.Count(l.logged(), "positions is skipped") != 1 {
		t.Errorf("%+v, %v: %s", out, err, l.logged())
	}
}

// TestSilentSenders: a watch that ends because nothing more comes says what is missing, and how to get it.
func TestSilentSenders(t *testing.T) {
	m := measure(4)
	d := m.detector(2, "bslz4")
	frames := [][][]byte{d.Start(), d.Image(0, m.counts[0]), d.Image(1, m.counts[1])}
	later := filepath.Join(t.TempDir(), "later.csv")
	put(t, later, "1000,50,50\n1003,51,50\n")
	for name, c := range map[string]struct {
		send  [][][]byte
		plan  string // empty: that of all frames
		error string // empty: there is an object
	}{
		"nothing":      {nil, "", "no message within 300ms"},
		"a start":      {frames[:1], "", "the start of series 7 and no frame of it"},
		"other ids":    {frames, later, "those of the positions are 1000 to 1003"},
		"some frames":  {frames, "", ""},
		"no positions": {frames, later + ".none", "see the log for the fault of the positions"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listenTo(t, m)
			l.o.Idle, l.o.Page = 300*time.Millisecond, NewPage(model())
			if c.plan != "" {
				l.o.Positions = c.plan
			}
			go l.send(c.send...)
			out, err := Run(t.Context(), l.o)
			switch {
			case c.error != "":
				if err == nil || !strings.Contains(err.Error(), c.error) {
					t.Errorf("the error is %v\n%s", err, l.logged())
				}
			case err != nil || out.Ended != Idle || out.Tally != Tally{Frames: 2, Missing: 2}:
				t.Errorf("%+v, %v\n%s", out, err, l.logged())
			case l.o.Page.Status().Missing != "2-3":
				t.Errorf("the page says that %s are missing", l.o.Page.Status().Missing)
			}
		})
	}
}
