package watch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
)

// position is a frame's position in object pixels.
type position struct{ x, y float64 }

// maxCoordinate is the largest coordinate, as for a scan.
const maxCoordinate = 1 << 24

// positions are read from their own file, which may grow. The first position of an id counts.
type positions struct {
	path       string
	view       dataset.View // turns the axes; the size of the pixels is that of the detector, which a frame shows
	state      fileState    // of the file as it was read last
	byID       map[int64]position
	fault      error     // of the last reading
	faultSince time.Time // of the first of several readings with a fault
	reported   string    // the last fault that was logged
}

// look reads the file if it has changed, and reports whether there are new positions. It uses those before a fault.
func (p *positions) look() (added bool) {
	info, err := os.Stat(p.path)
	if err != nil {
		p.fault = &badinput.Error{
			File: p.path, Key: "--positions", Found: "a file that cannot be read", Expected: "positions as CSV or NPZ",
			Cause: badinput.Cause(err),
		}
		return false
	}
	if p.fault == nil && stateOf(info) == p.state {
		return false
	}
	p.state = stateOf(info)
	ids, x, y, err := readPositions(p.path)
	p.fault = err
	for i, id := range ids {
		if _, known := p.byID[id]; !known {
			px, py := p.view.OfPart(x[i], y[i])
			p.byID[id] = position{px, py}
			added = true
		}
	}
	return added
}

// readPositions reads an NPZ file of ids, xcoords and ycoords, or a CSV file. On error it returns what comes before.
func readPositions(path string) (ids []int64, x, y []float64, err error) {
	if strings.EqualFold(filepath.Ext(path), ".npz") {
		return positionsOfNPZ(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, nil, err
	}
	return positionsOfCSV(path, data)
}

func positionsOfNPZ(path string) (ids []int64, x, y []float64, err error) {
	file, err := npz.Open(path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer file.Close()
	if x, err = dataset.Vector(file, "xcoords"); err != nil {
		return nil, nil, nil, err
	}
	if y, err = dataset.Vector(file, "ycoords"); err != nil {
		return nil, nil, nil, err
	}
	if ids, err = file.Int64s("ids"); err != nil {
		return nil, nil, nil, err
	}
	if len(x) != len(ids) || len(y) != len(ids) {
		return nil, nil, nil, &badinput.Error{
			File: path, Key: "ids", Found: fmt.Sprintf("%d ids, %d xcoords, %d ycoords", len(ids), len(x), len(y)),
			Expected: "as many of each",
		}
	}
	for i := range ids {
		if err := checkPosition(ids[i], x[i], y[i]); err != nil {
			err.File, err.Key = path, fmt.Sprintf("position %d", i)
			return ids[:i], x[:i], y[:i], err
		}
	}
	return ids, x, y, nil
}

// checkPosition refuses an id or a position that no frame has.
func checkPosition(id int64, x, y float64) *badinput.Error {
	if id >= 0 && id <= maxID && math.Abs(x) <= maxCoordinate && math.Abs(y) <= maxCoordinate { // false for NaN
		return nil
	}
	return &badinput.Error{
		Found: fmt.Sprintf("frame %d at (%v, %v)", id, x, y),
		Expected: fmt.Sprintf(
			"an id from 0 to %d, and object pixels between -%d and %[2]d",
			int64(maxID),
			maxCoordinate,
		),
	}
}

// positionsOfCSV reads lines id,x,y; a first line of names may give another order. An unfinished last line is still
// being written.
func positionsOfCSV(path string, data []byte) (ids []int64, x, y []float64, err error) {
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment, r.TrimLeadingSpace, r.FieldsPerRecord, r.ReuseRecord = '#', true, -1, true
	columns := [3]int{0, 1, 2}
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return ids, x, y, nil
		}
		if err != nil {
			return ids, x, y, &badinput.Error{
				File: path, Key: "--positions", Found: "lines that are no CSV", Expected: "id,x,y", Cause: err,
			}
		}
		if first && findColumns(record, &columns) {
			continue
		}
		id, px, py, bad := parsePosition(record, columns)
		if bad != nil {
			line, _ := r.FieldPos(0)
			bad.File, bad.Key = path, fmt.Sprintf("line %d", line)
			return ids, x, y, bad
		}
		ids, x, y = append(ids, id), append(x, px), append(y, py)
	}
}

// parsePosition reads a line of CSV.
func parsePosition(record []string, columns [3]int) (id int64, x, y float64, bad *badinput.Error) {
	fault := func(found string) (int64, float64, float64, *badinput.Error) {
		return 0, 0, 0, &badinput.Error{Found: found, Expected: "id,x,y: a whole number and two object pixels"}
	}
	if len(record) <= slices.Max(columns[:]) {
		return fault(fmt.Sprintf("%d values", len(record)))
	}
	id, errID := strconv.ParseInt(strings.TrimSpace(record[columns[0]]), 10, 64)
	x, errX := strconv.ParseFloat(strings.TrimSpace(record[columns[1]]), 64)
	y, errY := strconv.ParseFloat(strings.TrimSpace(record[columns[2]]), 64)
	if errors.Join(errID, errX, errY) != nil {
		return fault(strconv.Quote(strings.Join(record, ",")))
	}
	return id, x, y, checkPosition(id, x, y)
}

// findColumns finds the columns in a line of names, and reports whether it is one.
func findColumns(record []string, columns *[3]int) bool {
	found := *columns
	for i, names := range [3][]string{{"id", "ids", "index", "frame"}, {"x", "xcoords"}, {"y", "ycoords"}} {
		at := slices.IndexFunc(record, func(field string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(field, "\ufeff"))))
		})
		if at < 0 {
			return false
		}
		found[i] = at
	}
	*columns = found
	return true
}

// waiting is where the pattern of a frame without a position is.
type waiting struct {
	file *file
	row  int
}

// updatePositions reads new positions and marks the frames that waited for them to be read again.
func (w *Watcher) updatePositions() {
	if w.positions == nil {
		return
	}
	newFault := w.positions.fault == nil
	added := w.positions.look()
	if newFault {
		w.positions.faultSince = w.o.Clock.Now()
	}
	w.reportPositionsFault(w.o.GiveUp)
	if !added {
		return
	}
	w.news = w.o.Clock.Now()
	for id, frame := range w.waiting {
		if _, known := w.positions.byID[id]; known {
			f := frame.file
			f.next, f.done, f.rereading = min(f.next, frame.row), false, true
		}
	}
}

// reportPositionsFault logs, once, a fault of the positions that has lasted for some time.
func (w *Watcher) reportPositionsFault(after time.Duration) {
	p := w.positions
	if p.fault != nil && w.o.Clock.Now().Sub(p.faultSince) >= after && p.reported != p.fault.Error() {
		p.reported = p.fault.Error()
		w.o.Log.Warn("the positions have a fault; trying again", "error", p.reported)
	}
}

// locate sets a frame's position. A frame without one waits, and locate reports false.
func (w *Watcher) locate(f *frame, scan *dataset.Scan, row int, before int64) bool {
	if w.positions == nil {
		f.x, f.y = scan.X[row], scan.Y[row]
		return true
	}
	if at, known := w.positions.byID[f.id]; known {
		f.x, f.y = scan.InView(at.x, at.y)
		return true
	}
	if _, noted := w.waiting[f.id]; !noted {
		w.noteNew(f.id, before)
	}
	w.waiting[f.id] = waiting{f.from, row}
	return false
}
