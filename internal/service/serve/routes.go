package serve

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// handler answers a request, or returns an error that the server answers with.
type handler func(w http.ResponseWriter, r *http.Request) error

// access says who may use an endpoint and when.
type access int

const (
	public    access = iota // without the token
	protected               // with the token
	work                    // with the token, and not while the server shuts down
)

// endpoint is a row of the table of routes.
type endpoint struct {
	pattern string // method and path as http.ServeMux reads them
	access  access
	handle  handler
}

// endpoints is the table of everything that clients can request.
func (s *Server) endpoints() []endpoint {
	const (
		model   = "/v2/models/{model}"
		version = model + "/versions/{version}"
		scan    = "/v1/scans/{scan}"
	)
	return []endpoint{
		{"GET /v2/health/live", public, s.live},
		{"GET /v2/health/ready", public, s.ready},
		{"GET /v2", protected, s.serverMetadata},
		{"GET " + model, protected, s.modelMetadata},
		{"GET " + version, protected, s.modelMetadata},
		{"GET " + model + "/ready", protected, s.modelReady},
		{"GET " + version + "/ready", protected, s.modelReady},
		{"POST " + model + "/infer", work, s.infer},
		{"POST " + version + "/infer", work, s.infer},
		{"GET /v1/models", protected, s.listModels},
		{"GET /v1/scans", protected, s.listScans},
		{"POST /v1/scans", work, s.createScan},
		{"GET " + scan, protected, s.withScan(s.scanStatus)},
		{"DELETE " + scan, protected, s.withScan(s.deleteScan)},
		{"POST " + scan + "/frames", work, s.withScan(s.postFrames)},
		{"POST " + scan + "/finish", work, s.withScan(s.finishScan)},
		{"GET " + scan + "/object.npz", protected, s.withScan(s.scanObject)},
		{"GET " + scan + "/amplitude.png", protected, s.withScan(s.scanPicture("amplitude"))},
		{"GET " + scan + "/phase.png", protected, s.withScan(s.scanPicture("phase"))},
		{"GET " + scan + "/coverage.png", protected, s.withScan(s.scanPicture("coverage"))},
		{"GET " + scan + "/spread.png", protected, s.withScan(s.scanPicture("spread"))},
		{"GET " + scan + "/events", protected, s.withScan(s.scanEvents)},
		{"GET " + scan + "/stream", protected, s.withScan(s.scanStream)},
		{"POST " + scan + "/view", protected, s.withScan(s.scanView)},
		{"GET /v1/events", protected, s.listEvents},
		{"GET /{$}", public, asset("text/html; charset=utf-8", pageHTML)},
		{"GET /page.js", public, asset("text/javascript; charset=utf-8", pageJS)},
		{"GET /page.css", public, asset("text/css; charset=utf-8", pageCSS)},
		{"GET /view/{file}", public, viewFile},
		{"GET /metrics", protected, infallible(promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))},
	}
}

func infallible(h http.Handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error { h.ServeHTTP(w, r); return nil }
}

// routes builds the handler of all endpoints.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.endpoints() {
		handle := e.handle
		if e.access == work {
			handle = s.admit(handle)
		}
		if e.access != public {
			handle = s.authorize(handle)
		}
		mux.HandleFunc(e.pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := handle(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	return s.harden(s.explainUnknown(mux))
}

// withScan finds the scan named in the URL.
func (s *Server) withScan(next func(w http.ResponseWriter, r *http.Request, a *scan) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		a, err := s.scans.find(r.PathValue("scan"))
		if err != nil {
			return err
		}
		return next(w, r, a)
	}
}

// model finds the model named in the URL.
func (s *Server) model(r *http.Request) (*served, error) {
	name, version := r.PathValue("model"), r.PathValue("version")
	m := s.models[name]
	if m == nil {
		return nil, refuse(http.StatusNotFound, "no model %.80q", name)
	}
	if version != "" && version != modelVersion {
		return nil, refuse(http.StatusNotFound, "no version %.20q of model %s, expected %s", version, name,
			modelVersion)
	}
	return m, nil
}
