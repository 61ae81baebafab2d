// Package serve answers over HTTP with trained models: single requests by the Open Inference Protocol (KServe v2), and whole scans,
// frame by frame, whose object grows while it is looked at. It is the last stop of the data's path on a node beside the detector:
// it stands above reconstruct, stitch and render, and links no Gorgonia; what needs a solver is handed in as a Refiner.
//
// The nouns: a [Server] holds [Model]s. Each has a queue, where the patterns of all requests wait, for a moment and in bounded
// number, to go through the [Network] as batches, here or on other machines. A scan is frames with positions, told apart by their ids, on a canvas
// that grows; where it is to outlive the server, scanstore keeps its frames on disk, and they go through the network again.
//
// What a client sends is never trusted: names and ids are looked up in maps and never become paths, sizes are compared before
// memory is taken, and every fault is a sentence with a status: see docs/serve.md.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
)

// Model is a network to be served, under a name.
type Model struct {
	Name      string
	File      *onnxir.Model
	Digest    string // SHA-256 of the file, in hex
	Contract  contract.Contract
	Predictor predict.Predictor // runs it here, used by one goroutine at a time; it stays the caller's to close. Nil with Options.Network
	Most      int               // samples of a batch, at most, where that is less than Options.BatchSize; 0: it is not
}

// Options say what is served and how much of it.
type Options struct {
	Models    []Model
	Network   Network       // computes their batches; nil: the models' predictors do, here
	BatchSize int           // samples that go through a network at once, at most
	BatchWait time.Duration // how long the first of a batch waits for others; 0: not at all
	Queue     int           // samples that may wait before a model; more are refused
	Timeout   time.Duration // for a request, from its arrival; one may ask for less
	MaxBody   int64         // bytes of a request's body
	Token     string        // that every request has to bear; empty: none
	Scans     ScanLimits
	Store     string  // directory that scans are kept in; empty: they end with the server
	Refine    Refiner // nil: scans are not refined
	Log       *slog.Logger
}

// Server answers requests. Make one with New, hand Handler to a net/http server or call Run, and Close it.
type Server struct {
	options Options
	models  map[string]*served
	names   []string // of the models, in their order
	network Network
	local   local // the network, where it is here
	metrics *metrics
	gate    gate
	bodies  *semaphore.Weighted // bytes of bodies that are held at the same time
	scans   *scans
	handler http.Handler
}

// served is a model with its queue.
type served struct {
	Model
	input   string // name of the graph's input
	outputs [2]string
	queue   *queue
}

// ModelName is what a model may be called: it is part of addresses.
var ModelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// bodiesAtOnce is how many bodies of the largest size may be held at the same time.
const bodiesAtOnce = 8

// New starts the queues of the models. What cannot be served is a *badinput.Error.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{options: o, models: map[string]*served{}, metrics: newMetrics(), bodies: semaphore.NewWeighted(bodiesAtOnce * o.MaxBody)}
	s.gate.idle = make(chan struct{})
	for _, m := range o.Models {
		names, err := portNames(m)
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, m.Name)
		s.models[m.Name] = &served{Model: m, input: names[0], outputs: [2]string{names[1], names[2]}}
	}
	if s.network = o.Network; s.network == nil {
		s.local = newLocal(o.Models, o.BatchSize)
		s.network = s.local
	}
	places := make(chan struct{}, s.network.AtOnce())
	var err error
	if s.scans, err = newScans(s); err != nil {
		return nil, err
	}
	for _, name := range s.names {
		m := s.models[name]
		m.queue = newQueue(m.Model, o, s.network, s.metrics.ofModel(m.Name, m.Contract.Channels), places)
	}
	s.scans.begin(s)
	s.handler = s.routes()
	return s, nil
}

func (o Options) check() error {
	fault := func(key string, found any, expected string) error {
		return &badinput.Error{Key: key, Found: fmt.Sprint(found), Expected: expected}
	}
	switch {
	case len(o.Models) == 0:
		return fault("--model", "nothing", "a model to serve")
	case o.BatchSize < 1 || o.BatchSize > 1<<16:
		return fault("--batch-size", o.BatchSize, "1 to 65536")
	case o.BatchWait < 0:
		return fault("--batch-wait", o.BatchWait, "0 (not at all) or longer")
	case o.Queue < o.BatchSize:
		return fault("--queue", o.Queue, fmt.Sprintf("%d or more, the size of a batch", o.BatchSize))
	case o.Timeout <= 0:
		return fault("--timeout", o.Timeout, "more than 0")
	case o.MaxBody < 1 || o.MaxBody > 1<<40:
		return fault("--max-body", o.MaxBody, "1 byte to 1 TiB")
	}
	seen := map[string]bool{}
	for _, m := range o.Models {
		if !ModelName.MatchString(m.Name) {
			return &badinput.Error{Key: "--model", Found: fmt.Sprintf("the name %.80q", m.Name), Expected: "letters, digits, '.', '_' and '-', 64 at most", Remedy: "give it a name: --model NAME=PATH"}
		}
		if seen[m.Name] {
			return &badinput.Error{Key: "--model", Found: fmt.Sprintf("the name %s twice", m.Name), Expected: "each once", Remedy: "give one of them another name: --model NAME=PATH"}
		}
		seen[m.Name] = true
	}
	return o.Scans.check()
}

// portNames are the names of a graph's input and outputs; constants are no inputs.
func portNames(m Model) ([]string, error) {
	constants := map[string]bool{}
	for _, t := range m.File.Graph.Initializers {
		constants[t.Name] = true
	}
	var names []string
	for _, in := range m.File.Graph.Inputs {
		if !constants[in.Name] {
			names = append(names, in.Name)
		}
	}
	inputs := len(names)
	for _, out := range m.File.Graph.Outputs {
		names = append(names, out.Name)
	}
	if inputs != 1 || len(names) != 3 {
		return nil, predict.NotAPredictor(fmt.Sprintf("%d inputs and %d outputs", inputs, len(names)-inputs))
	}
	return names, nil
}

// sampleShape is that of one sample: (C, N, N).
func (m Model) sampleShape() []int { return []int{m.Contract.Channels, m.Contract.N, m.Contract.N} }

// Handler answers everything that the server knows.
func (s *Server) Handler() http.Handler { return s.handler }

// Drain lets in no more work, says so to who asks whether the server is ready, and returns when what was accepted is done, or with
// ctx's error.
func (s *Server) Drain(ctx context.Context) error {
	s.gate.shut()
	s.scans.drain()
	select {
	case <-s.gate.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("requests were still in work: %w", context.Cause(ctx))
	}
}

// Close ends the queues and all that is in work; Options.Network is not used any more. A Server that has been closed answers that it is shutting down.
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

// sortedNames are the models by name.
func (s *Server) sortedNames() []string {
	names := slices.Clone(s.names)
	slices.Sort(names)
	return names
}
