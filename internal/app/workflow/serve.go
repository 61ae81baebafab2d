package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/listen"
	"ptyx/internal/service/serve"
)

// ServeOptions describe a server.
type ServeOptions struct {
	Models   []string        // PATH or NAME=PATH, an .onnx file or a run directory
	Engine   engine.Options  // with remote workers, only of refining
	Workers  cluster.Address // of a broker whose workers run the networks; without URL they run here
	InFlight int             // most batches at the workers at once
	Address  listen.Address
	Server   serve.Options
	Ready    func(ServerInfo) error // called once the server accepts requests
}

// ServerInfo is what a ready server prints.
type ServerInfo struct {
	URL    string   `json:"url"`
	Models []string `json:"models"`
	Device string   `json:"device"`
}

func (s ServerInfo) String() string {
	return fmt.Sprintf("%s: %s on %s", s.URL, strings.Join(s.Models, ", "), s.Device)
}

// Serve answers requests until ctx is done, then finishes the accepted ones.
func Serve(ctx context.Context, o ServeOptions, log *slog.Logger) (err error) {
	if err := o.Engine.Check(); err != nil {
		return err
	}
	o.Address.Log = log
	place, err := serve.CheckAddress(o.Address)
	if err != nil {
		return err
	}
	o.Server.Log, o.Server.Refine, o.Server.Host = log, o.refine, place.Host
	l := &loading{options: o, log: log}
	defer func() { err = errors.Join(err, l.release()) }()
	if err := l.load(ctx); err != nil {
		return err
	}
	o.Server.Models, o.Server.Network = l.models, l.network
	server, err := serve.New(o.Server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	listener, url, err := serve.Listen(ctx, o.Address)
	if err != nil {
		return err
	}
	o.Address.Warn(log, o.Server.Token, "use it", "set --token-file or PTYX_TOKEN")
	info := ServerInfo{URL: url, Device: l.device}
	for _, m := range l.models {
		info.Models = append(info.Models, m.Name)
	}
	if err := o.Ready(info); err != nil {
		return errors.Join(err, listener.Close())
	}
	return server.Run(ctx, listener)
}

// refine improves an object as infer --refine does. patterns is (M, N, N).
func (o ServeOptions) refine(
	ctx context.Context, r *reconstruct.Result, patterns *ndarray.Float32, passes int,
) (*reconstruct.Result, error) {
	job := refinement(r, solve.Amplitudes{Float32: patterns}, passes, o.Engine)
	job.extra = r.Extra
	s, err := job.solve(ctx)
	if err != nil {
		return nil, err
	}
	return job.result(s), nil
}

// Token reads a token from the file that a flag names. Without a file it is the standard one. White space around it is
// ignored.
func Token(flag, file, standard string) (string, error) {
	if file == "" {
		return strings.TrimSpace(standard), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", &badinput.Error{
			File: file, Key: flag, Found: "a file that cannot be read", Expected: "a file with a token", Cause: err,
		}
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", &badinput.Error{File: file, Key: flag, Found: "not one word", Expected: "a token: one word"}
	}
	return token, nil
}

// modelName splits NAME=PATH. Without NAME, a model is named after its file without .onnx, or after its run directory.
func modelName(argument string) (name, path string) {
	if _, err := os.Stat(argument); err != nil {
		if name, path, ok := strings.Cut(argument, "="); ok && serve.ModelName.MatchString(name) {
			return name, path
		}
	}
	base := filepath.Base(argument)
	if full, err := filepath.Abs(argument); err == nil {
		base = filepath.Base(full) // "." has a name too
	}
	return strings.TrimSuffix(base, ".onnx"), argument
}
