package main

import (
	"fmt"
	"slices"
	"strings"
)

// download is one file that carries a library.
type download struct {
	source   string   // "pip" or "npm"
	platform string   // "linux/amd64"
	tag      string   // platform tag of the wheel
	sha256   string   // of the file, in hexadecimal
	file     string   // its name
	member   string   // path of the library inside it
	needed   []string // paths of the libraries that it needs, which keep their names
}

// packageName is name and version of the package of a file such as h5py-3.16.0-cp312-cp312-macosx_11_0_arm64.whl or
// onnxruntime-node-1.30.0.tgz.
func (d download) packageName() (name, version string) {
	if wheel, ok := strings.CutSuffix(d.file, ".whl"); ok {
		field := strings.SplitN(wheel, "-", 3)
		return field[0], field[1]
	}
	tarball := strings.TrimSuffix(d.file, ".tgz")
	at := strings.LastIndex(tarball, "-")
	return tarball[:at], tarball[at+1:]
}

// pin is the content of a .sums file.
type pin struct {
	version   string // of the library
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
		case len(field) >= 6 && (field[0] == "pip" || field[0] == "npm") && len(field[3]) == 64 &&
			strings.Count(field[4], "-") >= 1 && p.version != "":
			p.downloads = append(p.downloads,
				download{field[0], field[1], field[2], field[3], field[4], field[5], field[6:]})
		default:
			return p, fmt.Errorf("a line that is neither a version nor a download: %q", strings.TrimSpace(line))
		}
	}
	if p.version == "" || len(p.downloads) == 0 {
		return p, fmt.Errorf("no version or no download")
	}
	return p, nil
}

// downloadsFor are the downloads for a platform, in the order to try them.
func (p pin) downloadsFor(platform string) []download {
	return slices.DeleteFunc(slices.Clone(p.downloads), func(d download) bool { return d.platform != platform })
}
