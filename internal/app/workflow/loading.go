package workflow

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/serve"
)

// loading makes the models of a server ready, with what computes them.
type loading struct {
	options ServeOptions
	log     *slog.Logger

	models  []serve.Model
	files   [][]byte      // of the models
	network serve.Network // of workers elsewhere; nil: the models' predictors, here
	device  string        // what computes
	closers []func() error
}

// elsewhere is the device of a server whose workers compute.
const elsewhere = "workers"

// load reads the models and opens what computes. release follows, whatever load returns.
func (l *loading) load(ctx context.Context) error {
	open := l.here
	if l.options.Workers.URL != "" {
		open = func() error { return l.elsewhere(ctx) }
	}
	for _, wish := range l.options.Models {
		name, path := named(wish)
		data, file, c, err := contract.Load(path)
		if err != nil {
			return err
		}
		if _, err := predict.Admitted(data); err != nil { // also of what others run
			return ofModel(err, path)
		}
		l.files = append(l.files, data)
		l.models = append(l.models, serve.Model{Name: name, File: file, Digest: contract.Digest(data), Contract: c})
	}
	return open()
}

// here opens all models on one engine.
func (l *loading) here() error {
	for i := range l.models {
		predictor, free, err := local.Open(l.options.Engine, l.files[i])
		if err != nil {
			_, path := named(l.options.Models[i])
			return ofModel(err, path)
		}
		l.closers = append(l.closers, free, predictor.Close)
		l.models[i].Predictor, l.device = predictor, predictor.Provider()
	}
	l.files = nil
	return nil
}

// elsewhere gives the models to the workers of a broker. A batch is at most what the broker takes.
func (l *loading) elsewhere(ctx context.Context) error {
	o := l.options
	o.Workers.Name = "ptyx serve"
	connection, err := cluster.Connect(o.Workers, l.log)
	if err != nil {
		return ofWorkers(err)
	}
	l.closers = append(l.closers, func() error { connection.Close(); return nil })
	call := cluster.CallOptions{InFlight: o.InFlight, Log: l.log}
	for i, m := range l.models {
		call.Models = append(call.Models, cluster.Callable{Name: m.Name, File: l.files[i], Contract: m.Contract})
	}
	caller, err := cluster.Call(ctx, connection, call)
	if err != nil {
		return ofWorkers(err)
	}
	l.closers = append(l.closers, caller.Close)
	for i := range l.models {
		m := &l.models[i]
		if m.MaxBatch = caller.MaxBatch(m.Name); m.MaxBatch < o.Server.BatchSize {
			l.log.Info("batches are smaller, as the broker takes no larger messages", "model", m.Name, "samples", m.MaxBatch)
		}
	}
	l.network, l.device = caller, elsewhere
	return nil
}

// release closes what load has opened, the last first.
func (l *loading) release() (err error) {
	for i := len(l.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, l.closers[i]())
	}
	l.closers = nil
	return err
}

// WorkersAddress is where the broker of a server's workers is, with the token of a file or otherwise another one. Without url the networks run here, and what
// would be told to a broker is refused.
func WorkersAddress(url, tokenFile, token, ca, creds string) (cluster.Address, error) {
	if url == "" {
		for _, f := range [][2]string{{"--workers-token-file", tokenFile}, {"--workers-tls-ca", ca}, {"--workers-creds", creds}} {
			if f[1] != "" {
				return cluster.Address{}, &badinput.Error{File: f[1], Key: f[0], Found: "no broker that it is for", Expected: "--workers with the broker's URL",
					Remedy: "give --workers, or leave it out"}
			}
		}
		return cluster.Address{}, nil
	}
	token, err := Token("--workers-token-file", tokenFile, token)
	return cluster.Address{URL: url, Token: token, CA: ca, Creds: creds}, err
}

// ofWorkers names the flags of a server in a complaint about a broker.
func ofWorkers(err error) error {
	var bad *badinput.Error
	if errors.As(err, &bad) {
		flags := strings.NewReplacer("--nats", "--workers", "--token-file", "--workers-token-file", "PTYX_TOKEN", "PTYX_WORKERS_TOKEN",
			"--tls-ca", "--workers-tls-ca", "--creds", "--workers-creds")
		bad.Key, bad.Remedy = flags.Replace(bad.Key), flags.Replace(bad.Remedy)
		return bad
	}
	return err
}
