package main

import (
	"context"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/refine"
	"ptyx/internal/service/watch"
)

// refiner is the solver of ptyx watch --refine during a scan, without the passes at its end.
type refiner struct {
	*refine.Live
	engine engine.Engine
}

// Run refines during the scan.
func (r refiner) Run(ctx context.Context, object func(frame.Box) *ndarray.Complex64) error {
	return r.Live.Run(ctx, r.engine, object)
}

// Finish makes no pass.
func (r refiner) Finish(_ context.Context, result *reconstruct.Result) (*reconstruct.Result, error) {
	return result, nil
}

// refined measures how many frames per second are computed while the solver refines. As in ptyx watch, network and
// solver have half of the threads each.
func (b *bench) refined(frames int) (m measured, err error) {
	threads := engine.Options{}.ThreadCount()
	solver := max(1, threads/2)
	e, release, err := engine.Options{Kind: engine.KindORT, Threads: solver}.Open()
	if err != nil {
		return m, err
	}
	live := refine.New(refine.Options{Probe: b.contract.Probe, Threads: solver, Dir: b.dir, Room: 1 << 34})
	before := b.options
	b.options.Workers, b.options.Refiner = max(1, threads-solver), refiner{live, e}
	m, err = b.run(frames, 0, watch.Wait, nil)
	b.options = before
	for _, free := range []func() error{live.Close, release} {
		if fault := free(); err == nil {
			err = fault
		}
	}
	return m, err
}
