package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/refine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// soloPasses are the passes at the end of a watch without a network, as of ptyx solve.
const soloPasses = 60

// checkRefine refuses passes that make no sense, a solver without a probe, and no room on disk: for the patterns of the
// solver, the patches, and frames that wait.
func (o WatchOptions) checkRefine() error {
	switch {
	case o.Refine < 0:
		return &badinput.Error{
			Key: "--refine", Found: fmt.Sprint(o.Refine), Expected: "0 (none) or a number of passes",
		}
	case o.RefineOnly && o.Probe.fromModel():
		return &badinput.Error{
			Key: "--refine-only", Found: "no probe", Expected: "--probe FILE: without a network, the solver needs one",
		}
	case o.KeepBytes <= 0:
		return &badinput.Error{Key: "--keep-gb", Found: "no room for frames that wait", Expected: "a number above 0"}
	}
	return nil
}

// passes of the solver at the end; 0: none, and nothing is refined during the scan.
func (o WatchOptions) passes() int {
	if o.RefineOnly {
		return cmp.Or(o.Refine, soloPasses)
	}
	return o.Refine
}

// noNetwork takes the place of a network. Its probe is that of the file, and gives the size of the patterns.
func (o WatchOptions) noNetwork(log *slog.Logger) (n network, err error) {
	probe, err := dataset.ReadProbe(o.Probe.From, 0, o.Read.View.Library, log)
	if err != nil {
		return n, ofProbe(err)
	}
	n.contract = contract.Contract{
		N: probe.Shape[0], Channels: 1, Gridsize: 1, ObjectExtent: "full", AmplitudeMax: 1, Probe: probe,
	}
	return n, nil
}

// share divides the threads between a network and the solver that refines meanwhile. Each has at least one.
func (o WatchOptions) share() (network, solver engine.Options) {
	network, solver = o.Engine, o.Engine
	threads := o.Engine.ThreadCount()
	switch {
	case o.RefineOnly:
		solver.Threads = threads
	case o.passes() > 0:
		solver.Threads = max(1, threads/2)
		network.Threads = max(1, threads-solver.Threads)
	}
	return network, solver
}

// refiner is the solver of a watch: package refine during the scan, and at its end the solver of ptyx infer --refine,
// or without a network that of ptyx solve.
type refiner struct {
	*refine.Live
	engine  engine.Engine
	release func() error
	options engine.Options // of the solver at the end
	passes  int
	empty   bool     // there is no network
	network *network // whose members of the result may come with the first frames
	solved  *solve.Solution
	log     *slog.Logger
}

// openRefiner prepares the solver of a watch; nil if it has none.
func (o WatchOptions) openRefiner(n *network, during engine.Options, log *slog.Logger) (*refiner, error) {
	if o.passes() == 0 {
		return nil, nil
	}
	e, release, err := during.Open()
	if err != nil {
		return nil, err
	}
	return &refiner{
		Live: refine.New(refine.Options{
			Probe: n.contract.Probe, Empty: o.RefineOnly, Threads: during.ThreadCount(), Dir: o.OutputDir,
			Room: o.KeepBytes,
		}),
		engine: e, release: release, options: o.Engine, passes: o.passes(), empty: o.RefineOnly, network: n,
		log: log,
	}, nil
}

// Run refines during the scan.
func (r *refiner) Run(ctx context.Context, object func(frame.Box) *ndarray.Complex64) error {
	return r.Live.Run(ctx, r.engine, object)
}

// Finish solves the complete scan.
func (r *refiner) Finish(ctx context.Context, result *reconstruct.Result) (*reconstruct.Result, error) {
	patterns, measured, err := r.Patterns(result.IDs)
	if err != nil {
		return nil, err
	}
	r.log.Info("the solver makes its passes over the complete scan", "frames", len(result.IDs), "passes", r.passes)
	job := refinement(result, patterns, r.passes, r.options)
	job.problem.Measured, job.extra = measured, r.network.extra
	if r.empty {
		job.problem.Object = nil
	}
	s, err := job.solve(ctx)
	if s == nil {
		return nil, err
	}
	r.solved = s
	return job.result(s), err
}

// close frees what the solver holds; nil has nothing.
func (r *refiner) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Live.Close(), r.release())
}

// finish adds to what a watch reports, and writes the probe that the solver found.
func (r *refiner) finish(w *Watched) error {
	if r == nil || r.solved == nil {
		return nil
	}
	w.Device, w.Fallback = r.solved.Device, r.solved.Fallback
	w.Solver = &Solution{Method: solve.LSQML, Passes: len(r.solved.History), Residual: r.solved.Residual}
	return saveProbe(w.OutputDir, r.solved.Probe)
}
