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
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/listen"
	"ptyx/internal/service/serve"
)

// ServeOptions is a whole server.
type ServeOptions struct {
	Models    []string        // PATH or NAME=PATH, an .onnx file or a run directory
	Engine    engine.Options  // of refining alone, where workers run the networks
	Workers   cluster.Address // of a broker whose workers run the networks; without URL they run here
	InFlight  int             // batches that are with the workers at once, at most
	Address   listen.Address
	TokenFile string // holds the token; empty: Token
	Token     string // empty: none is asked for
	Server    serve.Options
	Ready     func(s Serving) error // is told what is served and where, once it is
}

// Serving is what is served, and where.
type Serving struct {
	URL    string   `json:"url"`
	Models []string `json:"models"`
	Device string   `json:"device"`
}

func (s Serving) String() string {
	return fmt.Sprintf("%s: %s on %s", s.URL, strings.Join(s.Models, ", "), s.Device)
}

// Serve answers requests until ctx is done, then finishes what was accepted.
func Serve(ctx context.Context, o ServeOptions, log *slog.Logger) (err error) {
	if err := o.Engine.Check(); err != nil {
		return err
	}
	if o.Server.Token, err = o.token(); err != nil {
		return err
	}
	o.Server.Log, o.Server.Refine = log, o.refine
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
	if o.Server.Token == "" && !o.Address.Local() {
		log.Warn("anybody who reaches this address may use it; give a token by --token-file or PTYX_TOKEN", "address", o.Address.Listen)
	}
	var names []string
	for _, m := range l.models {
		names = append(names, m.Name)
	}
	if err := o.Ready(Serving{URL: url, Models: names, Device: l.device}); err != nil {
		return errors.Join(err, listener.Close())
	}
	return server.Run(ctx, listener)
}

// refine is what infer --refine does.
func (o ServeOptions) refine(ctx context.Context, r *reconstruct.Result, patterns *ndarray.Float32, passes int) (*reconstruct.Result, error) {
	job := refinement(r, patterns, passes, o.Engine)
	s, err := job.solve(ctx)
	if err != nil {
		return nil, err
	}
	return job.result(s), nil
}

// token is that of requests.
func (o ServeOptions) token() (string, error) { return Token("--token-file", o.TokenFile, o.Token) }

// Token reads a token from the file that a flag names; without one it is the other. White space around it is not part of it.
func Token(flag, file, otherwise string) (string, error) {
	if file == "" {
		return strings.TrimSpace(otherwise), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", &badinput.Error{File: file, Key: flag, Found: "a file that cannot be read", Expected: "a file with a token", Cause: err}
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", &badinput.Error{File: file, Key: flag, Found: "not one word", Expected: "a token: one word"}
	}
	return token, nil
}

// named splits NAME=PATH. A PATH alone is named by its last part, without .onnx; a model of a run directory by the directory.
func named(wish string) (name, path string) {
	if _, err := os.Stat(wish); err != nil {
		if name, path, ok := strings.Cut(wish, "="); ok && serve.ModelName.MatchString(name) {
			return name, path
		}
	}
	base := filepath.Base(wish)
	if whole, err := filepath.Abs(wish); err == nil {
		base = filepath.Base(whole) // of "." and the like
	}
	return strings.TrimSuffix(base, ".onnx"), wish
}
