package workflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"ptyx/internal/app/progress"
	"ptyx/trainer"
)

// Rehearsal describes a training, as measured over a few steps.
type Rehearsal struct {
	Scans       []RehearsedScan `json:"scans"`
	Samples     int             `json:"samples"`
	Validation  int             `json:"validation_samples"`
	Batch       [4]int          `json:"batch"` // (B, C, N, N)
	Steps       int             `json:"steps_per_epoch"`
	Epochs      int             `json:"epochs"`
	Parameters  int             `json:"parameters"`
	Network     string          `json:"network"`
	Engine      string          `json:"engine"`
	Device      string          `json:"device"`
	Replicas    int             `json:"replicas"`
	PeakMB      float64         `json:"peak_memory_mb"` // of this process, after the steps
	PrepareSec  float64         `json:"prepare_seconds"`
	StepSec     float64         `json:"step_seconds"`
	EstimateSec float64         `json:"estimated_seconds"` // all epochs, preparation included
	Writes      []string        `json:"would_write"`
}

// RehearsedScan is a scan of the training.
type RehearsedScan struct {
	File     string `json:"file"`
	Patterns int    `json:"patterns"`
	N        int    `json:"n"`
}

// Rehearse prepares a training, tries a few steps, and writes nothing.
func Rehearse(ctx context.Context, o TrainOptions, log *slog.Logger) (*Rehearsal, error) {
	o.Engine.Profile = "" // nothing is written
	job, err := o.job(ctx, log)
	if err != nil {
		return nil, err
	}
	defer job.scans.Close()
	defer job.validation.Close()
	o, request := job.options, job.request
	request.Progress = progress.New(io.Discard, 0, true)
	t, err := trainer.Rehearse(ctx, request)
	if err := errors.Join(err, job.release()); err != nil {
		return nil, err
	}
	r := &Rehearsal{
		Samples: t.Samples, Validation: t.Validation, Batch: t.Batch, Steps: t.Steps, Epochs: t.Epochs,
		Parameters: t.Parameters, Network: request.Config.Network.String(),
		Engine: request.Engine.Name(), Device: request.Engine.Device(), Replicas: t.Replicas,
		PrepareSec: t.Prepared.Seconds(), StepSec: t.Step.Seconds(),
		EstimateSec: (t.Prepared + t.Remaining()).Seconds(), Writes: []string{o.OutputDir},
	}
	if o.Export != "" {
		r.Writes = append(r.Writes, o.Export)
	}
	for _, s := range slices.Concat(job.scans, job.validation) {
		r.Scans = append(r.Scans, RehearsedScan{s.Path, s.M, s.N})
	}
	r.PeakMB, err = peakMemory()
	return r, err
}

// peakMemory is the peak resident size of this process in MB.
func peakMemory() (float64, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the memory in use: %w", err)
	}
	return float64(usage.Maxrss) * maxrssUnit / 1e6, nil
}

// WriteText prints the rehearsal for a reader.
func (r *Rehearsal) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	for _, s := range r.Scans {
		row("scan", "%s: %d patterns of %d x %d", s.File, s.Patterns, s.N, s.N)
	}
	row("network", "%s, %d parameters", r.Network, r.Parameters)
	row("samples", "%d to train on, %d for validation", r.Samples, r.Validation)
	b := r.Batch
	row("batch", "(%d, %d, %d, %d), in %d parts side by side", b[0], b[1], b[2], b[3], r.Replicas)
	row("steps", "%d an epoch, %d epochs", r.Steps, r.Epochs)
	row("engine", "%s on %s", r.Engine, r.Device)
	row("memory", "%.0f MB, the peak of the steps tried", r.PeakMB)
	row("time", "%s: %s before the first step, %.3g s a step", rounded(r.EstimateSec), rounded(r.PrepareSec), r.StepSec)
	row("would write", "%s", strings.Join(r.Writes, ", "))
	return t.Flush()
}

func rounded(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond)
}
