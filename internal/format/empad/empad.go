// Package empad reads scans of the Electron Microscope Pixel Array Detector: a raw file of frames, and beside it an XML
// file with the size of the scan.
//
// A frame is 130 rows of 128 little-endian float32, of which the first 128 are the pattern and the last two its
// metadata. The raw file has no header: its size and its name say that it is one. Every fault of a file is a
// *badinput.Error.
package empad

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
)

// Side is the number of rows and columns of a pattern.
const Side = 128

// frameBytes are those of a frame with its metadata.
const frameBytes = (Side + 2) * Side * 4

// File is an open scan. Its methods may be called from several goroutines, until Close.
type File struct {
	Path          string // of the file that was opened, XML or raw
	Frames        int
	Rows, Columns int     // of the scan; 0: not known
	StepX, StepY  float64 // in metres, along columns and rows; 0: not known

	raw *os.File
}

// Is reports whether the file at path is one of this format: XML, or a raw file by its name and size.
func Is(path string) bool {
	if strings.EqualFold(filepath.Ext(path), ".raw") {
		info, err := os.Stat(path)
		return err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.Size()%frameBytes == 0
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 64)
	n, _ := f.Read(start)
	text := strings.TrimSpace(strings.TrimPrefix(string(start[:n]), "\ufeff"))
	return strings.HasPrefix(text, "<") && strings.EqualFold(filepath.Ext(path), ".xml")
}

// Open opens a scan by its XML file or by its raw file. The size of the scan is that of the XML file, else that in the
// name of the raw file, such as scan_x128_y64.raw.
func Open(path string) (*File, error) {
	f := &File{Path: path}
	raw, header := path, path
	if strings.EqualFold(filepath.Ext(path), ".raw") {
		header = strings.TrimSuffix(path, filepath.Ext(path)) + ".xml"
	}
	var d *document
	if _, err := os.Stat(header); err == nil || header == path {
		if d, err = readXML(header); err != nil {
			return nil, err
		}
	}
	if header == path {
		raw = filepath.Join(filepath.Dir(path), d.rawName())
	}
	file, size, err := badinput.Open(raw, "frames of EMPAD")
	if err != nil {
		return nil, err
	}
	f.raw, f.Frames = file, int(size/frameBytes)
	if size == 0 || size%frameBytes != 0 {
		err = &badinput.Error{
			File: raw, Found: fmt.Sprintf("%d bytes", size),
			Expected: fmt.Sprintf("a multiple of %d, a frame of 130 x 128 numbers", frameBytes),
			Remedy:   "copy the file again",
		}
	} else {
		err = f.size(raw, header, d)
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// inName finds the size of a scan in the name of its raw file.
var inName = regexp.MustCompile(`_x(\d{1,6})_y(\d{1,6})`)

// size finds the size of the scan. d may be nil.
func (f *File) size(raw, header string, d *document) error {
	if d != nil {
		rows, columns, err := d.size(header, f.Frames)
		if err != nil {
			return err
		}
		if f.Rows, f.Columns = rows, columns; rows > 0 {
			f.StepX, f.StepY = d.step(rows, columns)
		}
	}
	if at := inName.FindStringSubmatch(filepath.Base(raw)); f.Rows == 0 && at != nil {
		columns, _ := strconv.Atoi(at[1]) // digits by the expression
		rows, _ := strconv.Atoi(at[2])
		if rows*columns == f.Frames {
			f.Rows, f.Columns = rows, columns
		}
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return f.raw.Close() }

// Read reads patterns first to first+count-1 into dst, which they fill. A pixel that is not a number becomes 0: the
// detector's program writes such pixels where it has none.
func (f *File) Read(dst []float32, first, count int) error {
	if first < 0 || count < 0 || first+count > f.Frames || len(dst) != count*Side*Side {
		return fmt.Errorf("empad: frames %d to %d of %d into %d values", first, first+count, f.Frames, len(dst))
	}
	buf := make([]byte, Side*Side*4)
	for i := range count {
		if _, err := f.raw.ReadAt(buf, int64(first+i)*frameBytes); err != nil {
			return &badinput.Error{
				File: f.raw.Name(), Found: fmt.Sprintf("frame %d that cannot be read", first+i),
				Remedy: "copy the file again", Cause: badinput.Cause(err),
			}
		}
		frame := dst[i*Side*Side : (i+1)*Side*Side]
		for j := range frame {
			v := math.Float32frombits(binary.LittleEndian.Uint32(buf[4*j:]))
			if v != v {
				v = 0
			}
			frame[j] = v
		}
	}
	return nil
}
