package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"ptyx/internal/app/workflow"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/zeromq/zeromqtest"
)

// killed is what a ptyx watch has that was started again after SIGKILL in the middle of a series.
type killed struct {
	Sent    int    `json:"frames"`
	Frames  int    `json:"in_the_object"`
	Missing int    `json:"missing"`
	Ended   string `json:"ended"`
	Status  int    `json:"exit_status"`
	Same    bool   `json:"object_of_infer"` // the object is that of ptyx infer of the frames in it
}

// kill sends a series at a rate to a process of the program, kills it in the middle, and starts another one with
// --series current.
func (b *bench) kill(program, model string, frames int, rate float64) (k killed, err error) {
	sender, err := zeromqtest.Listen(context.Background())
	if err != nil {
		return k, err
	}
	defer sender.Close()
	series := *b
	series.detector.Images = frames
	var sent atomic.Int64
	failed := make(chan error, 1)
	go func() { failed <- series.sendOn(sender, frames, rate, &sent) }()
	out := filepath.Join(b.dir, "killed")
	start := func(choice string) (*exec.Cmd, *bytes.Buffer, error) {
		c := exec.Command(program, "watch", sender.Address(), "--positions-file", b.options.Positions,
			"--model-path", model, "--output-dir", out, "--series", choice, "--every", "1s", "--idle", "60s",
			"--device", "cpu", "--json", "--quiet")
		printed := &bytes.Buffer{}
		c.Stdout, c.Stderr = printed, os.Stderr
		return c, printed, c.Start()
	}
	first, _, err := start("next")
	if err != nil {
		return k, err
	}
	for end := time.Now().Add(time.Minute); sent.Load() < int64(frames/2) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if err := first.Process.Kill(); err != nil {
		return k, err
	}
	if err := first.Wait(); err == nil {
		return k, errors.New("the watch had ended before it was killed")
	}
	sender.Break()
	second, printed, err := start("current")
	if err != nil {
		return k, err
	}
	if err := <-failed; err != nil {
		_ = second.Process.Kill()
		return k, errors.Join(err, second.Wait())
	}
	var exit *exec.ExitError
	if err := second.Wait(); err != nil && !errors.As(err, &exit) {
		return k, err
	}
	var result workflow.Watched
	if err := json.Unmarshal(printed.Bytes(), &result); err != nil {
		return k, fmt.Errorf("what the watch printed: %w", err)
	}
	k = killed{
		Sent: frames, Frames: result.Frames, Missing: result.Missing, Ended: string(result.Ended),
		Status: second.ProcessState.ExitCode(),
	}
	k.Same, err = b.isInferred(filepath.Join(out, reconstruct.ObjectFile))
	return k, err
}

// sendOn sends a series with its end. Messages to a receiver that is gone are lost; the next ones wait for another.
func (b *bench) sendOn(sender *zeromqtest.Sender, frames int, rate float64, sent *atomic.Int64) error {
	if err := sender.Send(b.detector.Start()...); err != nil {
		return err
	}
	start := time.Now()
	for id := range frames {
		time.Sleep(time.Until(start.Add(time.Duration(float64(id) / rate * float64(time.Second)))))
		if err := sender.Send(b.detector.Image(int64(id), b.counts[id%len(b.counts)])...); err != nil {
			sender.Break()
		}
		sent.Add(1)
	}
	return sender.Send(b.detector.End()...)
}

// isInferred reports whether an object is the one that ptyx infer makes of the frames in it.
func (b *bench) isInferred(path string) (same bool, err error) {
	file, err := npz.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	ids, err := file.Int64s("scan_index")
	if err != nil {
		return false, err
	}
	object, err := file.Complex64("object")
	if err != nil {
		return false, err
	}
	want, err := b.inferred(ids)
	if err != nil {
		return false, err
	}
	return slices.Equal(object.Shape, want.Object.Shape) && slices.Equal(object.Data, want.Object.Data), nil
}

// inferred is what ptyx infer makes of some frames.
func (b *bench) inferred(ids []int64) (result *reconstruct.Result, err error) {
	n := b.contract.N
	scan := dataset.ScanData{Patterns: ndarray.New[float32](len(ids), n, n), Probe: b.contract.Probe}
	for i, id := range ids {
		for k, count := range b.counts[int(id)%len(b.counts)] {
			scan.Patterns.Data[i*n*n+k] = float32(math.Sqrt(float64(count)))
		}
		scan.X, scan.Y = append(scan.X, b.places[id].x), append(scan.Y, b.places[id].y)
	}
	path := filepath.Join(b.dir, "frames.npz")
	if err := dataset.Write(path, scan); err != nil {
		return nil, err
	}
	opened, err := dataset.Open(path, dataset.Options{NoProbe: true, NoObject: true, Input: dataset.Amplitude})
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	predictor, release, err := local.Open(engine.Options{Kind: engine.KindORT}, b.model)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, predictor.Close(), release()) }()
	return reconstruct.Run(context.Background(), predictor, opened, b.contract, reconstruct.Options{BatchSize: 16})
}
