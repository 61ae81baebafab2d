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

// gather has the workers of a broker run the network.
func (o InferOptions) gather(
	ctx context.Context, scan *dataset.Scan, model []byte, c contract.Contract, log *slog.Logger,
) (*reconstruct.Result, error) {
	o.Cluster.Name = "ptyx infer"
	connection, err := cluster.Connect(o.Cluster, log)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	job, err := cluster.NewJob(connection, scan, model, c, o.Selection)
	if err != nil {
		return nil, err
	}
	log.Info("job", "id", job.ID, "batches", job.Batches(), "samples", job.Samples(0))
	result, n, err := cluster.Gather(ctx, connection, job, cluster.GatherOptions{InFlight: o.InFlight, Log: log})
	if err == nil {
		log.Info("gathered", "batches", n.Batches, "found", n.Found, "repeated", n.Repeated, "again", n.Resent,
			"malformed", n.Malformed)
	}
	return result, err
}

// WorkOptions describe a worker.
type WorkOptions struct {
	Models  []string // local .onnx files or run directories; the broker has the others
	Engine  engine.Options
	Cluster cluster.Address
	Ready   func(WorkerInfo) error // called once the worker waits for tasks
}

// WorkerInfo is what a ready worker prints.
type WorkerInfo struct {
	Broker string `json:"broker"`
}

func (w WorkerInfo) String() string { return w.Broker + ": waiting for tasks" }

// Work takes tasks until ctx is done, then finishes the batch in the network.
func Work(ctx context.Context, o WorkOptions, log *slog.Logger) error {
	if err := o.Engine.Check(); err != nil {
		return err
	}
	networks := cluster.Networks{Open: func(model []byte) (predict.Predictor, func() error, error) {
		return local.Open(o.Engine, model)
	}}
	for _, path := range o.Models {
		n, err := loadNetwork(path)
		if err != nil {
			return err
		}
		networks.Given = append(networks.Given, n.file)
	}
	o.Cluster.Name = "ptyx worker"
	n, err := cluster.Work(ctx, o.Cluster, cluster.WorkerOptions{
		Networks: networks, Log: log,
		OpenTraining: func(ctx context.Context, plan []byte) (cluster.Shards, error) {
			return o.openPlan(ctx, plan, log)
		},
		Ready: func(broker string) error { return o.Ready(WorkerInfo{broker}) },
	})
	log.Info("worked", "batches", n.Batches, "patterns", n.Patterns, "shards", n.Shards, "repeated", n.Repeated,
		"again", n.Retried, "failed", n.Failed, "malformed", n.Malformed)
	return err
}

// BrokerInfo is what a ready broker prints.
type BrokerInfo struct {
	URL   string `json:"url"`
	Store string `json:"store"`
}

func (b BrokerInfo) String() string { return b.URL + ": " + b.Store }

// RunBroker runs a broker until ctx is done. It calls ready once clients can connect.
func RunBroker(ctx context.Context, o cluster.BrokerOptions, ready func(BrokerInfo) error, log *slog.Logger) error {
	o.Log = log
	b, err := cluster.StartBroker(o, log)
	if err != nil {
		return err
	}
	defer b.Close()
	o.Warn(log, o.Token, "take part", "set --token-file or PTYX_TOKEN")
	if err := ready(BrokerInfo{b.URL, o.Store}); err != nil {
		return err
	}
	<-ctx.Done()
	log.Info("shutting down")
	return nil
}
