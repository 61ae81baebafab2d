package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"ptyx/internal/app/workflow"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/recon/solve"
	"ptyx/internal/service/simplon/simplontest"
	"ptyx/internal/service/watch"
	"ptyx/internal/service/zeromq/zeromqtest"
)

// picture is an object during the scan.
type picture struct {
	Seconds float64 `json:"after_last_frame_s"` // below 0 during the scan
	Frames  int     `json:"frames"`             // in the object
	Refined float64 `json:"refined"`            // share of the pixels that are the solver's
	Last    float64 `json:"correlation_with_last"`
	Solved  float64 `json:"correlation_with_solve"`

	object metrics.Image
	at     time.Time
}

// noModel stands for a watch without a network.
const noModel = "none"

// measurePictures sends the frames of a scan and prints its pictures, a line of JSON for each.
func measurePictures(model, scan string, passes int, rate float64) error {
	dir, err := os.MkdirTemp("", "ptyx-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	messages, err := messagesOf(scan)
	if err != nil {
		return err
	}
	sender, err := zeromqtest.Listen(context.Background())
	if err != nil {
		return err
	}
	defer sender.Close()
	out := filepath.Join(dir, "out")
	var last time.Time
	failed := make(chan error, 1)
	go func() {
		failed <- send(sender, messages, rate)
		last = time.Now()
		close(failed)
	}()
	ended := make(chan error, 1)
	go func() { ended <- watchScan(model, scan, out, sender.Address(), passes) }()
	pictures, err := collect(filepath.Join(out, evaluate.ReconstructionFile), ended)
	if err := errors.Join(err, <-failed); err != nil {
		return err
	}
	<-failed // last is set
	solved, err := solvedObject(scan, filepath.Join(dir, "solved"))
	if err != nil {
		return err
	}
	for _, p := range pictures {
		p.Seconds = p.at.Sub(last).Seconds()
		if p.Last, err = correlation(p.object, pictures[len(pictures)-1].object); err != nil {
			return err
		}
		if p.Solved, err = correlation(p.object, solved); err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
			return err
		}
	}
	return nil
}

// messagesOf are the messages of a series of the frames of a scan.
func messagesOf(scan string) (messages [][][]byte, err error) {
	file, all, err := countsOf(scan)
	if err != nil {
		return nil, err
	}
	d := simplontest.Detector{Series: 1, Version: 2, Height: file.N, Width: file.N, Images: len(all), Packing: "bslz4"}
	messages = append(messages, d.Start())
	for id, counts := range all {
		messages = append(messages, d.Image(int64(id), counts))
	}
	return messages, nil
}

// send sends messages at a rate per second.
func send(sender *zeromqtest.Sender, messages [][][]byte, rate float64) error {
	start := time.Now()
	for i, message := range messages {
		time.Sleep(time.Until(start.Add(time.Duration(float64(i) / rate * float64(time.Second)))))
		if err := sender.Send(message...); err != nil {
			return err
		}
	}
	return nil
}

// watchScan follows the stream, with the positions and, without a network, the probe of a scan.
func watchScan(model, scan, out, address string, passes int) error {
	const room = 8 << 30
	o := workflow.WatchOptions{
		Model: model, OutputDir: out, Engine: engine.Options{Kind: engine.KindORT}, Refine: passes, KeepBytes: room,
		Watch: watch.Options{
			Stream:    watch.Stream{Address: address, Connections: 1, WhenBehind: watch.Wait, Room: room},
			Positions: scan, BatchSize: 16, Interval: time.Second, Idle: time.Minute, GiveUp: time.Minute,
			Every: time.Second, Grace: time.Minute,
		},
	}
	switch model {
	case noModel:
		o.RefineOnly, o.Probe.From = true, scan
	case general.Name:
		o.Probe.From = scan
	}
	_, err := workflow.Watch(context.Background(), o, slog.New(slog.DiscardHandler))
	return err
}

// collect reads the file of the object each time that it is another one, until the watch has ended.
func collect(path string, ended chan error) (pictures []picture, err error) {
	var before time.Time
	for over := false; ; time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			if err != nil {
				return nil, err
			}
			over = true
		default:
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && !over {
			continue
		} else if err != nil {
			return nil, err
		}
		if !info.ModTime().Equal(before) {
			before = info.ModTime()
			p, err := read(path)
			if err != nil {
				return nil, err
			}
			p.at = before
			pictures = append(pictures, p)
		}
		if over {
			return pictures, nil
		}
	}
}

// read reads an object with what is refined of it.
func read(path string) (p picture, err error) {
	object, err := evaluate.Load(path)
	if err != nil {
		return p, err
	}
	p.object = object.Image
	file, err := npz.Open(path)
	if err != nil {
		return p, err
	}
	defer file.Close()
	ids, err := file.Int64s("scan_index")
	if err != nil {
		return p, err
	}
	p.Frames, p.Refined = len(ids), 1
	if mask, err := file.Float32("refined"); err == nil {
		p.Refined = 0
		for _, v := range mask.Data {
			p.Refined += float64(v) / float64(len(mask.Data))
		}
	}
	return p, nil
}

// solvedObject is the object of ptyx solve.
func solvedObject(scan, out string) (metrics.Image, error) {
	const passes = 60
	_, err := workflow.Solve(context.Background(), workflow.SolveOptions{
		Scan: scan, OutputDir: out, Engine: engine.Options{Kind: engine.KindORT}, Solver: solve.Defaults(passes),
		Progress: io.Discard,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		return metrics.Image{}, err
	}
	object, err := evaluate.Load(out)
	if err != nil {
		return metrics.Image{}, err
	}
	return object.Image, nil
}

// correlation is the complex correlation of two objects, as ptyx eval has it.
func correlation(a, b metrics.Image) (float64, error) {
	report, err := metrics.Compare(a, b, metrics.Options{})
	return report.Correlation, err
}
