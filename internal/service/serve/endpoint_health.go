package serve

import "net/http"

// live answers as long as the process runs.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
	return nil
}

// ready reports whether the server accepts all work: it is not shutting down, the network is available, and all stored
// scans are restored.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	ready := s.acceptsWork() && s.scans.allRestored()
	writeJSON(w, readyStatus(ready), map[string]bool{"ready": ready})
	return nil
}

// modelReady reports whether a model accepts work.
func (s *Server) modelReady(w http.ResponseWriter, r *http.Request) error {
	m, err := s.model(r)
	if err != nil {
		return err
	}
	ready := s.acceptsWork()
	writeJSON(w, readyStatus(ready), map[string]any{"name": m.Name, "ready": ready})
	return nil
}

func (s *Server) acceptsWork() bool { return !s.gate.isShut() && s.network.Ready() == nil }

func readyStatus(ready bool) int {
	if ready {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}
