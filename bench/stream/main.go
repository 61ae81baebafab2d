// Command stream measures ptyx watch on the stream of a detector, for make bench-stream. For each pair of a model and a
// scan it sends the frames of the scan again and again, and prints a line of JSON:
//
//	stream -frames 2000 run/model.onnx scan.npz [run-128/model.onnx scan-128.npz]
//	stream -refine 40 -rate 100 run/model.onnx scan.npz [none scan.npz]
//
// With -refine, it sends the frames of the scan once, at -rate, and prints how the object during the scan correlates
// with the last one, and with that of ptyx solve. The model none stands for ptyx watch
// --refine-only; it and general take the probe of the scan.
//
// frames_per_s is what is computed if the sender waits. latency_p50_s and latency_p99_s are the times from a frame's
// last byte to the first object with it on disk, at -load times that rate.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/simplon/simplontest"
	"ptyx/internal/service/watch"
	"ptyx/internal/service/zeromq/zeromqtest"
)

func main() {
	frames := flag.Int("frames", 2000, "frames of a run")
	load := flag.Float64("load", 0.5, "rate of the run that measures latency, as a share of the sustained one")
	every := flag.Duration("every", 100*time.Millisecond, "least time between two writings of the object")
	refine := flag.Int("refine", 0, "passes of ptyx watch --refine; 0: measure speed")
	rate := flag.Float64("rate", 100, "frames per second with -refine")
	flag.Parse()
	if flag.NArg() < 2 || flag.NArg()%2 != 0 {
		fmt.Fprintln(os.Stderr, "stream: pairs of a model and a scan are expected")
		os.Exit(1)
	}
	for pair := range slices.Chunk(flag.Args(), 2) {
		if *refine > 0 {
			if err := measurePictures(pair[0], pair[1], *refine, *rate); err != nil {
				fmt.Fprintln(os.Stderr, "stream:", err)
				os.Exit(1)
			}
			continue
		}
		m, err := measure(pair[0], pair[1], *frames, *load, *every)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(m)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "stream:", err)
			os.Exit(1)
		}
	}
}

// figures are what is measured for one model.
type figures struct {
	Pixels  int     `json:"pixels"` // side of a pattern
	Frames  int     `json:"frames"`
	Rate    float64 `json:"frames_per_s"`
	Missing int     `json:"missing"`
	Load    float64 `json:"load"`
	P50     float64 `json:"latency_p50_s"`
	P99     float64 `json:"latency_p99_s"`
}

func measure(model, scan string, frames int, load float64, every time.Duration) (figures, error) {
	b, err := newBench(model, scan, frames, every)
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(b.dir)
	rate, missing, _, err := b.run(0)
	if err != nil {
		return figures{}, err
	}
	_, lost, latencies, err := b.run(load * rate)
	if err != nil {
		return figures{}, err
	}
	slices.Sort(latencies)
	quantile := func(q float64) float64 { return latencies[int(q*float64(len(latencies)-1))].Seconds() }
	return figures{b.contract.N, frames, math.Round(rate), missing + lost, load, quantile(0.5), quantile(0.99)}, nil
}

// bench has what all runs share.
type bench struct {
	dir      string
	model    []byte
	contract contract.Contract
	messages [][][]byte // of the frames of the series
	start    [][]byte
	options  watch.Options
}

func newBench(model, scan string, frames int, every time.Duration) (*bench, error) {
	b := &bench{}
	var err error
	if b.model, _, b.contract, err = contract.Load(model); err != nil {
		return nil, err
	}
	file, all, err := countsOf(scan)
	if err != nil {
		return nil, err
	}
	d := simplontest.Detector{Series: 1, Version: 2, Height: file.N, Width: file.N, Images: frames, Packing: "bslz4"}
	b.start = d.Start()
	var plan []byte
	for id := range frames {
		k := id % len(all)
		b.messages = append(b.messages, d.Image(int64(id), all[k]))
		plan = fmt.Appendf(plan, "%d,%v,%v\n", id, file.X[k], file.Y[k])
	}
	if b.dir, err = os.MkdirTemp("", "ptyx-bench-"); err != nil {
		return nil, err
	}
	positions := filepath.Join(b.dir, "plan.csv")
	b.options = watch.Options{
		Positions: positions, BatchSize: 16, Interval: time.Second, Idle: time.Minute, GiveUp: time.Minute,
		Every: every, Grace: time.Minute, Contract: b.contract, Clock: watch.RealClock{},
		Log: slog.New(slog.DiscardHandler),
		Stream: watch.Stream{
			Connections: 1, WhenBehind: watch.Wait, Scratch: b.dir, Room: 1 << 30,
		},
	}
	return b, os.WriteFile(positions, plan, 0o644)
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

// run sends all frames at a rate, or as fast as they are taken if it is 0. It returns the rate from the first frame to
// the last object, and the time from each frame's last byte to an object with it.
func (b *bench) run(rate float64) (computed float64, missing int, latencies []time.Duration, err error) {
	predictor, release, err := local.Open(engine.Options{Kind: engine.KindORT}, b.model)
	if err != nil {
		return 0, 0, nil, err
	}
	defer func() { err = errors.Join(err, predictor.Close(), release()) }()
	sender, err := zeromqtest.Listen(context.Background())
	if err != nil {
		return 0, 0, nil, err
	}
	defer sender.Close()

	var mu sync.Mutex
	sent := make([]time.Time, len(b.messages))
	seen := make([]bool, len(b.messages))
	var start, end time.Time
	o := b.options
	o.Predictor, o.Stream.Address = predictor, sender.Address()
	o.Save = func(r *reconstruct.Result) error {
		err := r.Save(filepath.Join(b.dir, "out"), "")
		mu.Lock()
		defer mu.Unlock()
		end = time.Now()
		for _, id := range r.IDs {
			if !seen[id] {
				seen[id] = true
				latencies = append(latencies, end.Sub(sent[id]))
			}
		}
		return err
	}
	failed := make(chan error, 1)
	go func() {
		failed <- func() error {
			if err := sender.Send(b.start...); err != nil {
				return err
			}
			start = time.Now()
			for id, message := range b.messages {
				if rate > 0 {
					time.Sleep(time.Until(start.Add(time.Duration(float64(id) / rate * float64(time.Second)))))
				}
				err := sender.Send(message...)
				mu.Lock()
				sent[id] = time.Now()
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	out, err := watch.Run(context.Background(), o)
	if err != nil {
		return 0, 0, nil, err
	}
	err = <-failed
	return float64(out.Frames) / end.Sub(start).Seconds(), out.Missing, latencies, err
}
