package workflow

import (
	"context"
	"log/slog"

	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/cluster"
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
		log.Info("gathered", "batches", did.Batches, "found", did.Found, "repeated", did.Repeated, "again", did.Resent, "malformed", did.Malformed)
	}
	return result, err
}

// WorkOptions are a whole worker.
type WorkOptions struct {
	Models  []string // .onnx files or run directories that are here; others are fetched
	Engine  engine.Options
	Cluster cluster.Address
	Ready   func(w Waiting) error // is told where tasks are waited for, once they are
}

// Waiting is a worker that is ready.
type Waiting struct {
	Broker string `json:"broker"`
}

func (w Waiting) String() string { return w.Broker + ": waiting for tasks" }

// Work takes tasks until ctx is done, then finishes what is in the network.
func Work(ctx context.Context, o WorkOptions, log *slog.Logger) error {
	if err := o.Engine.Check(); err != nil {
		return err
	}
	networks := cluster.Networks{Open: func(model []byte) (predict.Predictor, func() error, error) {
		return local.Open(o.Engine, model)
	}}
	for _, path := range o.Models {
		model, _, _, err := contract.Load(path)
		if err != nil {
			return err
		}
		networks.Given = append(networks.Given, model)
	}
	o.Cluster.Name = "ptyx worker"
	did, err := cluster.Work(ctx, o.Cluster, cluster.WorkerOptions{
		Networks: networks, Log: log, Ready: func(where string) error { return o.Ready(Waiting{Broker: where}) },
	})
	log.Info("worked", "batches", did.Batches, "patterns", did.Patterns, "repeated", did.Repeated, "again", did.Retried, "failed", did.Failed, "malformed", did.Malformed)
	return err
}

// Brokering is a broker that is ready.
type Brokering struct {
	URL   string `json:"url"`
	Store string `json:"store"`
}

func (b Brokering) String() string { return b.URL + ": " + b.Store }

// Broke runs a broker until ctx is done.
func Broke(ctx context.Context, o cluster.BrokerOptions, ready func(b Brokering) error, log *slog.Logger) error {
	b, err := cluster.StartBroker(o, log)
	if err != nil {
		return err
	}
	defer b.Close()
	if o.Token == "" && !o.Local() {
		log.Warn("anybody who reaches this address may take part; give a token by --token-file or PTYX_TOKEN", "address", o.Listen)
	}
	if err := ready(Brokering{URL: b.URL, Store: o.Store}); err != nil {
		return err
	}
	<-ctx.Done()
	log.Info("shutting down")
	return nil
}
