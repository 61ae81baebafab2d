package empad

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
)

// document is what is read of an XML file.
type document struct {
	Raw struct {
		Name string `xml:"filename,attr"`
	} `xml:"raw_file"`
	Type  string `xml:"type"`
	PixX  string `xml:"pix_x"`
	PixY  string `xml:"pix_y"`
	Scans []struct {
		Mode string `xml:"mode,attr"`
		X    string `xml:"scan_resolution_x"`
		Y    string `xml:"scan_resolution_y"`
	} `xml:"scan_parameters"`
	FieldOfView string `xml:"iom_measurements>optics>get_full_scan_field_of_view"`
}

// readXML reads the XML file at path.
func readXML(path string) (*document, error) {
	const most = 16 << 20
	f, _, err := badinput.Open(path, "an XML file of EMPAD")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := parse(io.LimitReader(f, most))
	if err != nil {
		return nil, &badinput.Error{
			File: path, Found: "XML that cannot be read", Expected: "an XML file of EMPAD", Cause: err,
		}
	}
	if name := d.rawName(); name == "." || name == ".." || name == "/" || strings.ContainsRune(name, 0) {
		return nil, &badinput.Error{
			File: path, Key: "raw_file", Found: strconv.Quote(d.Raw.Name), Expected: "the name of the .raw file",
			Remedy: "give the .raw file itself",
		}
	}
	return d, nil
}

func parse(r io.Reader) (*document, error) {
	d := &document{}
	decoder := xml.NewDecoder(r)
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	if err := decoder.Decode(d); err != nil {
		return nil, err
	}
	return d, nil
}

// rawName is the name of the raw file without folders: those are of the computer at the microscope.
func (d *document) rawName() string {
	return filepath.Base(strings.ReplaceAll(strings.TrimSpace(d.Raw.Name), `\`, "/"))
}

// size is the size of the scan that has as many frames; 0 for a series that is no scan.
func (d *document) size(path string, frames int) (rows, columns int, err error) {
	type pair struct{ x, y string }
	sizes := []pair{{d.PixX, d.PixY}}
	for _, mode := range []string{"acquire", "search"} { // some files have the frames of the search
		for _, s := range d.Scans {
			if s.Mode == mode {
				sizes = append(sizes, pair{s.X, s.Y})
			}
		}
	}
	if kind := strings.TrimSpace(d.Type); kind != "" && kind != "scan" {
		return 0, 0, nil
	}
	var found []string
	for _, s := range sizes {
		if s == (pair{}) {
			continue
		}
		columns, errX := strconv.Atoi(strings.TrimSpace(s.x))
		rows, errY := strconv.Atoi(strings.TrimSpace(s.y))
		const most = 1 << 20
		if errX == nil && errY == nil && rows > 0 && columns > 0 && rows < most && columns < most &&
			rows*columns == frames {
			return rows, columns, nil
		}
		found = append(found, fmt.Sprintf("%s x %s", strings.TrimSpace(s.y), strings.TrimSpace(s.x)))
	}
	if found == nil {
		return 0, 0, nil
	}
	return 0, 0, &badinput.Error{
		File: path, Found: "a scan of " + strings.Join(found, " or "),
		Expected: fmt.Sprintf("one of %d positions, as many as the file of the frames has", frames),
		Remedy:   "move the XML file away and give --raster",
	}
}

// step is the step of the scan in metres: its field of view, (x, y), over its size.
func (d *document) step(rows, columns int) (x, y float64) {
	left, right, _ := strings.Cut(strings.Trim(strings.TrimSpace(d.FieldOfView), "()[]"), ",")
	width, errX := strconv.ParseFloat(strings.TrimSpace(left), 64)
	height, errY := strconv.ParseFloat(strings.TrimSpace(right), 64)
	x, y = width/float64(columns), height/float64(rows)
	if errX != nil || errY != nil || !(x > 0 && y > 0) || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return 0, 0
	}
	return x, y
}
