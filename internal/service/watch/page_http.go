package watch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"ptyx/internal/format/render"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/viewer"
)

// answerTimeout is how long a download waits for the watch, which may be computing.
const answerTimeout = 10 * time.Second

// Handler serves the page. encode writes the object's file.
func (p *Page) Handler(encode func(w io.Writer, r *reconstruct.Result) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, viewer.ServeFile(w, "page.html"))
	})
	mux.HandleFunc("GET /view/{file}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, viewer.ServeFile(w, r.PathValue("file")))
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) { answer(w, p.Stream(w, r)) })
	mux.HandleFunc("POST /view", func(w http.ResponseWriter, r *http.Request) { answer(w, p.SetView(r)) })
	mux.HandleFunc("GET /object.npz", p.download("application/octet-stream", encode))
	for _, what := range []string{"amplitude", "phase", "coverage", "spread"} {
		mux.HandleFunc("GET /"+what+".png", p.download("image/png", func(w io.Writer, r *reconstruct.Result) error {
			panel, err := r.Panel(what)
			if err != nil {
				return err
			}
			return render.SheetTo(w, [][]render.Cell{{panel}})
		}))
	}
	return mux
}

// answer answers with an error, if there is one.
func answer(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
	case errors.Is(err, viewer.ErrFile):
		http.Error(w, err.Error(), http.StatusNotFound)
	case errors.Is(err, viewer.ErrBusy), errors.Is(err, ErrNoObject):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// download serves a file of the object so far.
func (p *Page) download(kind string, write func(io.Writer, *reconstruct.Result) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
		defer cancel()
		result, err := p.Result(ctx)
		if err != nil {
			answer(w, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-store")
		if write(w, result) != nil {
			panic(http.ErrAbortHandler) // breaks the connection, so that the browser takes no part for the file
		}
	}
}
