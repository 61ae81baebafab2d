package serve

import (
	_ "embed"
	"net/http"
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

// policy allows the page only this server's resources. Its pictures are fetched by script, with the token.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob: data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset serves a file of the page.
func asset(contentType string, content []byte) handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		writeBody(w, http.StatusOK, contentType, content)
		return nil
	}
}
