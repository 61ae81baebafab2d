package viewer

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed assets
var assets embed.FS

// Policy is the content security policy of a page: it uses nothing of other machines.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src blob: data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeFile serves a file of the page, such as page.html.
func ServeFile(w http.ResponseWriter, name string) {
	content, err := fs.ReadFile(assets, path.Join("assets", path.Base(name)))
	if err != nil {
		http.Error(w, "no such file of the page", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(content) // the browser may have gone
}
