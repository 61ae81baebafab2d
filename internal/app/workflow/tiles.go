package workflow

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/service/cluster"
)

// TileOptions have the workers of a broker solve a scan in tiles.
type TileOptions struct {
	Cluster cluster.Address // without a URL, the scan is solved here
	Count   int             // tiles; 0: by the number of patterns
}

const (
	patternsPerTile = 500 // by default
	mostTiles       = 1000
)

// check refuses what tiles cannot do.
func (o TileOptions) check(s SolveOptions) error {
	fault := func(key, found, expected string) error {
		return &badinput.Error{Key: key, Found: found, Expected: expected, Remedy: "leave out --nats or this flag"}
	}
	switch {
	case o.Count < 0 || o.Count > mostTiles:
		return &badinput.Error{
			Key: "--tiles", Found: fmt.Sprint(o.Count),
			Expected: fmt.Sprintf("0 (by the number of patterns) to %d", mostTiles),
		}
	case o.Cluster.URL == "" && o.Count > 0:
		return &badinput.Error{
			Key: "--tiles", Found: "no broker", Expected: "--nats with its URL",
			Remedy: "give --nats, or omit this flag",
		}
	case o.Cluster.URL == "":
		return nil
	case s.Solver.Positions:
		return fault("--positions", "positions to refine in tiles", "positions that are right")
	case s.Solver.OPR > 0 || s.Solver.Flicker:
		return fault("--opr, --flicker", "a probe that varies in tiles", "the same probe for all patterns")
	case s.Solver.Background:
		return fault("--background", "a background to find in tiles", "patterns without one")
	case s.Solver.Freeze.Object > 0:
		return fault("--freeze", "an object that stays in tiles", "an object that moves")
	case s.Resume:
		return fault("--resume", "a run in tiles", "a run on this machine")
	}
	return nil
}

// tiled solves on the workers of a broker. If ctx is done after the first round, it returns the solution so far and the
// context's error.
func (j solution) tiled(ctx context.Context, e engine.Engine) (*solve.Solution, error) {
	count := j.tiles.Count
	if count == 0 {
		count = min(max(1, len(j.problem.X)/patternsPerTile), mostTiles)
	}
	j.tiles.Cluster.Name = "ptyx solve"
	connection, err := cluster.Connect(j.tiles.Cluster, j.log)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	tiles, err := solve.NewTiles(j.problem, j.solver, count)
	if err != nil {
		return nil, err
	}
	x := &tileExchange{tiles: tiles}
	defer x.close()
	if err := x.open(ctx, connection, j); err != nil {
		return nil, err
	}
	made := 0
	for ; made < tiles.Rounds(); made++ {
		pass, err := x.round(ctx, made)
		if err != nil && (ctx.Err() == nil || made == 0) {
			return nil, err
		}
		if err != nil {
			break
		}
		j.report(pass)
	}
	s, err := tiles.Finish(e)
	if err != nil {
		return nil, err
	}
	s.Device = remoteDevice
	if made < tiles.Rounds() {
		return s, ctx.Err()
	}
	return s, nil
}

// tileExchange has a training of one shard for each tile, whose parameters are the object and the probe.
type tileExchange struct {
	tiles *solve.Tiles
	steps []*cluster.Steps
}

// open sends the tiles to the broker.
func (x *tileExchange) open(ctx context.Context, connection *cluster.Connection, j solution) error {
	total := 0
	for i := range x.tiles.Count() {
		plan, err := x.tiles.Plan(i)
		if err != nil {
			return err
		}
		total += len(plan)
		s, err := cluster.NewSteps(ctx, connection, cluster.StepOptions{Plan: plan, Log: j.log})
		if err != nil {
			return err
		}
		x.steps = append(x.steps, s)
	}
	j.log.Info("the scan is solved in tiles", "tiles", len(x.steps), "rounds", x.tiles.Rounds(), "MB", total/1e6)
	return nil
}

// round has all tiles computed, and makes object and probe of them.
func (x *tileExchange) round(ctx context.Context, number int) (solve.Pass, error) {
	results := make([][]float32, len(x.steps))
	g, ctx := errgroup.WithContext(ctx)
	for i, s := range x.steps {
		g.Go(func() error {
			values, err := s.Step(ctx, number, 1, x.tiles.Parameters(i))
			if err != nil {
				return fmt.Errorf("tile %d: %w", i+1, err)
			}
			results[i] = values[0]
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return solve.Pass{}, err
	}
	return x.tiles.Take(number, results)
}

func (x *tileExchange) close() {
	for _, s := range x.steps {
		_ = s.Close() // the broker forgets the rest in time
	}
}

// openTile prepares a tile of a scan.
func (o WorkOptions) openTile(plan []byte) (cluster.Shards, error) {
	e, release, err := o.Engine.Open()
	if err != nil {
		return nil, err
	}
	// A worker that ends finishes the round of a tile first, as it finishes a batch.
	tile, err := solve.OpenTile(context.Background(), plan, o.Engine.ThreadCount(), e)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return &closingShards{tile, []func() error{release}}, nil
}
