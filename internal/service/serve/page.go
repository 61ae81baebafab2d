package serve

import (
	_ "embed"
	"net/http"
)

// The page asks for a token if one is needed, so it is open itself; it holds nothing but its own words.
var (
	//go:embed page.html
	pageHTML []byte
	//go:embed page.js
	pageJS []byte
	//go:embed page.css
	pageCSS []byte
)

// policy lets the page have what comes from this server and nothing else; pictures come by script, with the token.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset serves a part of the page.
func asset(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // the browser may have gone
	}
}
