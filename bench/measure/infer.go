package main

import (
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
)

// infer serves runs of the bare session on the first patterns of the scan.
func (j job) infer() error {
	p, patterns, build, err := j.predictor()
	if err != nil {
		return err
	}
	batch, err := p.Prepare(j.batch)
	if err != nil {
		return err
	}
	into := batch.Patterns().Data
	for filled := 0; filled < len(into); { // a scan may have fewer patterns than the batch
		filled += copy(into[filled:], patterns.Data)
	}
	return serve(ready{BuildSeconds: build.Seconds(), Patterns: j.batch}, func() (time.Duration, error) {
		start := time.Now()
		_, _, err := batch.Run()
		return time.Since(start), err
	})
}

// pass serves runs of the bare session over all patterns, cut into batches as ptyx infer cuts them.
func (j job) pass() error {
	p, patterns, build, err := j.predictor()
	if err != nil {
		return err
	}
	var batches []predict.Batch
	image := patterns.Shape[1] * patterns.Shape[2]
	for at, count := 0, patterns.Shape[0]; at < count; at += j.batch {
		size := min(j.batch, count-at)
		batch, err := p.Prepare(size)
		if err != nil {
			return err
		}
		copy(batch.Patterns().Data, patterns.Data[at*image:(at+size)*image])
		batches = append(batches, batch)
	}
	return serve(ready{BuildSeconds: build.Seconds(), Patterns: patterns.Shape[0]}, func() (time.Duration, error) {
		start := time.Now()
		for _, batch := range batches {
			if _, _, err := batch.Run(); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	})
}

// predictor loads the patterns and creates the session, whose creation it times.
func (j job) predictor() (*predict.ORT, *ndarray.Float32, time.Duration, error) {
	scan, model, _, env, err := j.open()
	if err != nil {
		return nil, nil, 0, err
	}
	patterns, err := scan.Load()
	if err != nil {
		return nil, nil, 0, err
	}
	start := time.Now()
	p, err := predict.NewORT(env, model, j.session())
	return p, patterns, time.Since(start), err
}
