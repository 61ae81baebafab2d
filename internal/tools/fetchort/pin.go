package main

import (
	"fmt"
	"strings"
)

// download is one file that carries the library.
type download struct {
	version  string
	source   string // "pip" or "npm"
	platform string // "linux/amd64"
	tag      string // platform tag of the wheel
	sha256   string // of the file, in hexadecimal
	file     string // its name
	member   string // path of the library inside it
}

// pin is the content of onnxruntime.sums.
type pin struct {
	version   string
	downloads []download
}

func parsePin(text string) (pin, error) {
	var p pin
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		field := strings.Fields(line)
		switch {
		case len(field) == 0:
		case len(field) == 2 && field[0] == "version" && p.version == "":
			p.version = field[1]
		case len(field) == 6 && (field[0] == "pip" || field[0] == "npm") && len(field[3]) == 64 && p.version != "":
			p.downloads = append(p.downloads, download{p.version, field[0], field[1], field[2], field[3], field[4], field[5]})
		default:
			return p, fmt.Errorf("a line that is neither a version nor a download: %q", strings.TrimSpace(line))
		}
	}
	if p.version == "" || len(p.downloads) == 0 {
		return p, fmt.Errorf("no version or no download")
	}
	return p, nil
}

// downloadsFor are the downloads of a platform in the order in which they are to be tried.
func (p pin) downloadsFor(platform string) []download {
	var ds []download
	for _, d := range p.downloads {
		if d.platform == platform {
			ds = append(ds, d)
		}
	}
	return ds
}
