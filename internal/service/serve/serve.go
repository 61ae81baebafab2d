// Package serve answers requests over HTTP with trained models: single requests by the Open Inference Protocol (KServe
// v2), and scans that arrive frame by frame. It is the end of the data's path on a node beside the detector. It builds
// on reconstruct, stitch and render and links no Gorgonia; the solver that refines scans is passed in as a [Refiner].
//
// A [Server] serves [Model]s. Each model has a queue (queue.go), where the patterns of all requests wait in bounded
// number. Batches go from there through the [Network], which runs in this process or on other machines. A scan
// (scan.go) is a set of frames with positions, identified by their ids, on a canvas that grows. With Options.Store,
// package scanstore keeps its frames on disk, and a restarted server restores the scan from them.
//
// The table in routes.go lists all endpoints; the files endpoint_*.go handle them. Requests are not trusted: names and
// ids are looked up in maps and never become paths, and sizes are checked before memory is allocated. Every error is a
// sentence with an HTTP status: see docs/serve.md.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"golang.org/x/sync/semaphore"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
)

// Model is a network to be served.
type Model struct {
	Name     string
	File     *onnxir.Model
	Digest   string // SHA-256 of the file, in hex
	Contract contract.Contract
	// Predictor runs the network in this process. One goroutine uses it; the caller closes it. Nil with
	// Options.Network.
	Predictor predict.Predictor
	MaxBatch  int // samples of a batch, if fewer than Options.BatchSize; 0: no such limit
}

// device is the provider that computes in this process, and why it is the CPU although auto found CUDA. Both are empty
// if workers compute.
func (m Model) device() (provider, fallback string) {
	if m.Predictor == nil {
		return "", ""
	}
	return m.Predictor.Provider(), m.Predictor.Fallback()
}

// Options configure a Server.
type Options struct {
	Models    []Model
	Network   Network       // computes the batches; nil: the models' predictors do
	BatchSize int           // most samples of a batch
	BatchWait time.Duration // how long the first request of a batch waits for others; 0: it does not wait
	Queue     int           // samples that may wait for a model; further ones are refused
	Timeout   time.Duration // of a request, from its arrival; a request may ask for less
	MaxBody   int64         // bytes of a request's body
	Token     string        // required in every request; empty: none
	Host      string        // at which clients may call the server, besides the names it knows; empty: none
	Grace     time.Duration // for finishing accepted requests at shutdown
	Scans     ScanLimits
	Store     string  // directory in which scans are kept; empty: they end with the server
	Refine    Refiner // nil: scans are not refined
	Log       *slog.Logger
}

// Server answers requests. New makes one; pass Handler to a net/http server or call Run, then Close it.
type Server struct {
	options Options
	models  map[string]*served
	names   []string // of the models, in the order of Options.Models
	network Network
	local   local // the network, if it runs in this process
	metrics *metrics
	gate    *gate
	memory  *semaphore.Weighted // bytes for bodies and what is unpacked from them
	scans   *scans
	handler http.Handler
}

// served is a model with its queue.
type served struct {
	Model
	ports   []port // the inputs: the patterns, then the optional ones
	outputs []string
	queue   *queue
}

// ModelName matches valid model names. They are part of URLs.
var ModelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// maxBodies is how many bodies of the largest size, unpacked or not, may be in memory at once.
const maxBodies = 8

// New checks the options, starts the models' queues and begins to restore stored scans. Invalid options give a
// *badinput.Error.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{
		options: o, models: map[string]*served{}, metrics: newMetrics(), gate: newGate(),
		memory: semaphore.NewWeighted(maxBodies * o.MaxBody),
	}
	for _, m := range o.Models {
		if err := checkPorts(m); err != nil {
			return nil, err
		}
		s.names = append(s.names, m.Name)
		s.models[m.Name] = &served{Model: m, ports: portsOf(m.Contract), outputs: m.Contract.Outputs()}
	}
	if s.network = o.Network; s.network == nil {
		s.local = newLocal(o.Models, o.BatchSize)
		s.network = s.local
	}
	var err error
	if s.scans, err = newScans(s); err != nil {
		return nil, err
	}
	slots := make(chan struct{}, s.network.AtOnce())
	for _, name := range s.names {
		m := s.models[name]
		m.queue = newQueue(m.Model, o, s.network, s.metrics.ofModel(m.Name, m.Contract.Channels), slots)
	}
	s.scans.startRestoring(s)
	s.handler = s.routes()
	return s, nil
}

func (o Options) check() error {
	for _, c := range []struct {
		bad      bool
		key      string
		found    any
		expected string
	}{
		{len(o.Models) == 0, "--model", "nothing", "a model to serve"},
		{o.BatchSize < 1 || o.BatchSize > 1<<16, "--batch-size", o.BatchSize, "1 to 65536"},
		{o.BatchWait < 0, "--batch-wait", o.BatchWait, "0 (not at all) or longer"},
		{o.Queue < o.BatchSize, "--queue", o.Queue, fmt.Sprintf("%d or more, the size of a batch", o.BatchSize)},
		{o.Timeout <= 0, "--timeout", o.Timeout, "more than 0"},
		{o.MaxBody < 1 || o.MaxBody > 1<<40, "--max-body", o.MaxBody, "1 byte to 1 TiB"},
		{o.Grace < 0, "--grace", o.Grace, "0 or longer"},
		{o.Scans.Count < 0, "--scans", o.Scans.Count, "0 or more"},
		{o.Scans.Memory < 0, "--scan-memory", o.Scans.Memory, "0 bytes or more"},
	} {
		if c.bad {
			return &badinput.Error{Key: c.key, Found: fmt.Sprint(c.found), Expected: c.expected}
		}
	}
	seen := map[string]bool{}
	for _, m := range o.Models {
		fault := &badinput.Error{Key: "--model", Remedy: "give it another name: --model NAME=PATH"}
		switch {
		case !ModelName.MatchString(m.Name):
			fault.Found = fmt.Sprintf("the name %.80q", m.Name)
			fault.Expected = "letters, digits, '.', '_' and '-', 64 at most"
			return fault
		case seen[m.Name]:
			fault.Found, fault.Expected = "the name "+m.Name+" twice", "each once"
			return fault
		}
		seen[m.Name] = true
	}
	return nil
}

// sampleShape is the shape of one sample, (C, N, N).
func (m Model) sampleShape() []int { return []int{m.Contract.Channels, m.Contract.N, m.Contract.N} }

// Handler serves all endpoints.
func (s *Server) Handler() http.Handler { return s.handler }

// Drain refuses new work and returns when the accepted work is done, or with ctx's error. Meanwhile the server reports
// that it is not ready.
func (s *Server) Drain(ctx context.Context) error {
	s.gate.shut()
	s.scans.endStreams()
	select {
	case <-s.gate.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("requests were still in work: %w", context.Cause(ctx))
	}
}

// Close stops the queues and the solvers; it does not close Options.Network. A closed Server refuses all work.
func (s *Server) Close() error {
	s.gate.shut()
	err := s.scans.close()
	for _, name := range s.names {
		s.models[name].queue.close()
	}
	for _, name := range s.names {
		s.models[name].queue.wait()
	}
	return errors.Join(err, s.local.close())
}
