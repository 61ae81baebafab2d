package serve

import (
	_ "embed"
	"net/http"

	"ptyx/internal/service/viewer"
)

// The page is public, since it asks for the token itself.
var (
	//go:embed page.html
	pageHTML []byte
	//go:embed page.js
	pageJS []byte
	//go:embed page.css
	pageCSS []byte
)

// asset serves a file of the page.
func asset(contentType string, content []byte) handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Security-Policy", viewer.Policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		writeBody(w, http.StatusOK, contentType, content)
		return nil
	}
}
