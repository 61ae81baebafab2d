package main

import (
	"time"

	"ptyx/internal/recon/predict"
)

// infer times the bare session on one batch.
func (j job) infer() error { return j.bare(j.batch) }

// pass times the bare session on all patterns, cut into batches as in ptyx infer.
func (j job) pass() error { return j.bare(0) }

// bare times the bare session on the first count patterns of the scan, from its beginning again if it has fewer; 0: on
// all.
func (j job) bare(count int) error {
	scan, model, _, env, err := j.open()
	if err != nil {
		return err
	}
	patterns, err := scan.Load()
	if err != nil {
		return err
	}
	if count == 0 {
		count = scan.M
	}
	start := time.Now()
	p, err := predict.NewORT(env, model, j.session())
	build := time.Since(start).Seconds()
	if err != nil {
		return err
	}
	var batches []predict.Batch
	for at := 0; at < count; at += j.batch {
		batch, err := p.Prepare(min(j.batch, count-at))
		if err != nil {
			return err
		}
		into, image := batch.Patterns().Data, scan.N*scan.N
		for filled := 0; filled < len(into); {
			from := (at*image + filled) % len(patterns.Data)
			filled += copy(into[filled:], patterns.Data[from:])
		}
		batches = append(batches, batch)
	}
	return serve(ready{BuildSeconds: build, Patterns: count}, func() (time.Duration, error) {
		start := time.Now()
		for _, batch := range batches {
			if _, _, err := batch.Run(); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	})
}
