package workflow

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/serve"
)

// loading opens the models of a server and what computes them.
type loading struct {
	options ServeOptions
	log     *slog.Logger

	models  []serve.Model
	files   [][]byte      // of the models
	network serve.Network // of remote workers; nil: the models' own predictors
	device  string        // that computes
	closers []func() error
}

// remoteDevice is the device of a server whose workers compute.
const remoteDevice = "workers"

// load reads the models and opens what computes. Call release afterwards, whatever load returns.
func (l *loading) load(ctx context.Context) error {
	for _, argument := range l.options.Models {
		name, path := modelName(argument)
		n, err := loadNetwork(path)
		if err != nil {
			return err
		}
		data, c := n.file, n.contract
		file, err := onnxir.Unmarshal(data)
		if err != nil {
			return ofModel(err, path)
		}
		if _, err := predict.Admitted(data); err != nil { // also if workers run the model
			return ofModel(err, path)
		}
		l.files = append(l.files, data)
		l.models = append(l.models, serve.Model{Name: name, File: file, Digest: contract.Digest(data), Contract: c})
	}
	if l.options.Workers.URL != "" {
		return l.connect(ctx)
	}
	return l.open()
}

// open opens all models on the local engine.
func (l *loading) open() error {
	for i := range l.models {
		predictor, release, err := local.Open(l.options.Engine, l.files[i])
		if err != nil {
			_, path := modelName(l.options.Models[i])
			return ofModel(err, path)
		}
		l.closers = append(l.closers, release, predictor.Close)
		l.models[i].Predictor, l.device = predictor, predictor.Provider()
	}
	l.files = nil
	return nil
}

// connect gives the models to the workers of a broker, which limits the size of a batch.
func (l *loading) connect(ctx context.Context) error {
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
			l.log.Info("the broker's message size limits the batches", "model", m.Name, "samples", m.MaxBatch)
		}
	}
	l.network, l.device = caller, remoteDevice
	return nil
}

// release closes what load has opened, the last first.
func (l *loading) release() (err error) {
	for _, c := range slices.Backward(l.closers) {
		err = errors.Join(err, c())
	}
	l.closers = nil
	return err
}

// WorkersAddress is the address of the broker of a server's workers. Its token is that of tokenFile, or else token.
// Without a URL the networks run here, and any other value is refused.
func WorkersAddress(url, tokenFile, token, ca, creds string) (cluster.Address, error) {
	if url == "" {
		for _, f := range [][2]string{
			{"--workers-token-file", tokenFile}, {"--workers-tls-ca", ca}, {"--workers-creds", creds},
		} {
			if f[1] != "" {
				return cluster.Address{}, &badinput.Error{
					File: f[1], Key: f[0], Found: "no broker that it is for",
					Expected: "--workers with the broker's URL", Remedy: "give --workers, or omit this flag",
				}
			}
		}
		return cluster.Address{}, nil
	}
	token, err := Token("--workers-token-file", tokenFile, token)
	return cluster.Address{URL: url, Token: token, CA: ca, Creds: creds}, err
}

// ofWorkers puts the server's names of flags into an input error about a broker.
func ofWorkers(err error) error {
	var bad *badinput.Error
	if !errors.As(err, &bad) {
		return err
	}
	flags := strings.NewReplacer("--nats", "--workers", "--token-file", "--workers-token-file",
		"PTYX_TOKEN", "PTYX_WORKERS_TOKEN", "--tls-ca", "--workers-tls-ca", "--creds", "--workers-creds")
	bad.Key, bad.Remedy = flags.Replace(bad.Key), flags.Replace(bad.Remedy)
	return bad
}
