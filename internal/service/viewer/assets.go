package viewer

import (
	"embed"
	"errors"
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

// ErrFile says that the page has no such file.
var ErrFile = errors.New("no such file of the page")

// ServeFile serves a file of the page, such as page.html. If there is none, it writes nothing and returns ErrFile.
func ServeFile(w http.ResponseWriter, name string) error {
	content, err := fs.ReadFile(assets, path.Join("assets", path.Base(name)))
	if err != nil {
		return ErrFile
	}
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(content) // the browser may have gone
	return nil
}
