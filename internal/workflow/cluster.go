package workflow

import (
	"context"
	"log/slog"

	"ptyx/internal/cluster"
	"ptyx/internal/contract"
	"ptyx/internal/dataset"
	"ptyx/internal/reconstruct"
)

// together has the workers of a broker run the network.
func (o InferOptions) together(ctx context.Context, scan *dataset.Scan, model []byte, c contract.Contract, log *slog.Logger) (*reconstruct.Result, error) {
	o.Cluster.Name = "ptyx infer"
	connection, err := cluster.Connect(o.Cluster, log)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	job, err := cluster.NewJob(connection, scan, model, c, o.selection())
	if err != nil {
		return nil, err
	}
	log.Info("job", "id", job.ID, "batches", job.Batches(), "samples", job.Samples(0))
	result, did, err := cluster.Gather(ctx, connection, job, cluster.GatherOptions{InFlight: o.InFlight, Log: log})
	if err == nil {
		log.Info("gathered", "batches", did.Batches, "found", did.Found, "repeated", did.Repeated, "again", did.Again, "malformed", did.Malformed)
	}
	return result, err
}

// WorkOptions are a whole worker.
type WorkOptions struct {
	Models  []string // .onnx files or run directories that are here; others are fetched
	Engine  EngineOptions
	Cluster cluster.Address
	Ready   func(said string) // is told where tasks are waited for, once they are
}

// Work takes tasks until ctx is done, then finishes what is in the network.
func Work(ctx context.Context, o WorkOptions, log *slog.Logger) error {
	if err := o.Engine.check(); err != nil {
		return err
	}
	networks := cluster.Networks{Open: o.Engine.predictor}
	for _, path := range o.Models {
		model, _, _, err := contract.Load(path)
		if err != nil {
			return err
		}
		networks.Given = append(networks.Given, model)
	}
	o.Cluster.Name = "ptyx worker"
	did, err := cluster.Work(ctx, o.Cluster, cluster.WorkerOptions{
		Networks: networks, Log: log, Ready: func(where string) { o.Ready(where + ": waiting for tasks") },
	})
	log.Info("worked", "batches", did.Batches, "patterns", did.Patterns, "repeated", did.Repeated, "again", did.Again, "failed", did.Failed, "malformed", did.Malformed)
	return err
}

// Broke runs a broker until ctx is done.
func Broke(ctx context.Context, o cluster.BrokerOptions, ready func(said string), log *slog.Logger) error {
	b, err := cluster.StartBroker(o, log)
	if err != nil {
		return err
	}
	ready(b.URL + ": " + o.Store)
	<-ctx.Done()
	log.Info("shutting down")
	b.Close()
	return nil
}
