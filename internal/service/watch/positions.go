package watch

import (
	"bytes"
	"cmp"
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
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	"ptyx/internal/service/zeromq"
)

// position is a frame's position in object pixels, or in metres.
type position struct{ x, y float64 }

// maxCoordinate is the largest coordinate, as for a scan.
const maxCoordinate = 1 << 24

// positions are read from their own file, which may grow. The first position of an id counts.
type positions struct {
	path       string
	view       dataset.View // turns the axes; the size of the pixels is that of the detector, which a frame shows
	state      fileState    // of the file as it was read last
	byID       table[position]
	metres     bool      // they are metres; else object pixels
	fault      error     // of the last reading
	faultSince time.Time // of the first of several readings with a fault
	reported   string    // the last fault that was logged
	read       bool      // once without a fault, or from no file
	doubled    int64     // an id that has two positions, of which the first counts; -1: there is none
	reportedID bool      // doubled was logged
	fresh      []int64   // ids whose frames may wait
}

// newPositions are those of a file or a stream or, without a path, of the raster of a view, which counts from its first
// corner.
func newPositions(path string, v dataset.View) *positions {
	p := &positions{path: path, view: v, doubled: -1, read: path == "" || zeromq.IsAddress(path)}
	if path == "" {
		const nanometre = 1e-9
		x, y := v.Raster.Positions(v.StepNM*nanometre, v.StepNM*nanometre)
		p.add(numbered(0, len(x)), x, y, "m")
	}
	return p
}

// look reads the file if it has changed, and reports whether there are new positions. It uses those before a fault.
func (p *positions) look() (added bool) {
	info, err := os.Stat(p.path)
	if err != nil {
		p.fault = unreadable(p.path, err)
		return false
	}
	if p.fault == nil && stateOf(info) == p.state {
		return false
	}
	p.state = stateOf(info)
	ids, x, y, unit, err := readPositions(p.path, p.view)
	p.fault = err
	return p.add(ids, x, y, unit)
}

// unreadable is the error for a file of positions that cannot be read.
func unreadable(path string, cause error) error {
	return &badinput.Error{
		File: path, Key: "--positions-file", Found: "nothing that can be read",
		Expected: "a file of positions: CSV, NPZ or HDF5", Cause: badinput.Cause(cause),
	}
}

// add takes in positions in a unit, and reports whether there are new ones.
func (p *positions) add(ids []int64, x, y []float64, unit string) (added bool) {
	scale, metres := source.Metres(unit)
	if !metres {
		scale = 1
	}
	p.metres = metres
	for i, id := range ids {
		px, py := p.view.OfPart(scale*x[i], scale*y[i])
		first, known := p.byID.get(id)
		switch {
		case !known:
			p.byID.add(id, position{px, py})
			p.fresh = append(p.fresh, id)
			added = true
		case first != position{px, py}:
			p.doubled = id
		}
	}
	return added
}

// readPositions reads a file of text, or one whose arrays package source finds. On error it returns what comes before.
// The unit is the one that the user states, else that of the file or the names of its columns, else pixels. Positions
// without ids are those of the frames 0, 1, 2 and so on.
func readPositions(path string, v dataset.View) (ids []int64, x, y []float64, unit string, err error) {
	if source.IsHDF5(path) || strings.EqualFold(filepath.Ext(path), ".npz") {
		return positionsOfArrays(path, v)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, nil, "", unreadable(path, err)
	}
	return positionsOfCSV(path, data, v)
}

// positionsOfArrays reads an NPZ or HDF5 file.
func positionsOfArrays(path string, v dataset.View) (ids []int64, x, y []float64, unit string, err error) {
	v.PositionsFile = path
	p, err := dataset.OpenPlaces(v)
	if err != nil {
		return nil, nil, nil, "", err
	}
	ids, x, y = p.IDs, p.X, p.Y
	if ids == nil {
		ids = numbered(0, min(len(x), len(y)))
	}
	if p.SampleMotion && v.SampleMotion == nil { // those of the beam are opposite
		negate(x)
		negate(y)
	}
	if len(x) != len(ids) || len(y) != len(ids) {
		return nil, nil, nil, "", &badinput.Error{
			File: path, Key: "ids", Found: fmt.Sprintf("%d ids, %d xcoords, %d ycoords", len(ids), len(x), len(y)),
			Expected: "as many of each",
		}
	}
	unit = "px"
	if p.Metres {
		unit = "m"
	}
	for i := range ids {
		if err := checkPosition(ids[i], x[i], y[i], unit); err != nil {
			err.File, err.Key = path, fmt.Sprintf("position %d", i)
			return ids[:i], x[:i], y[:i], unit, err
		}
	}
	return ids, x, y, unit, nil
}

func negate(values []float64) {
	for i := range values {
		values[i] = -values[i]
	}
}

// checkPosition refuses an id or a position in a unit that no frame has. No stage moves further than a metre.
func checkPosition(id int64, x, y float64, unit string) *badinput.Error {
	most, what := float64(maxCoordinate), "object pixels"
	if size, metres := source.Metres(unit); metres {
		most, what = 1/size, unit
	}
	if id >= 0 && id <= maxID && math.Abs(x) <= most && math.Abs(y) <= most { // false for NaN
		return nil
	}
	return &badinput.Error{
		Found:    fmt.Sprintf("frame %d at (%v, %v)", id, x, y),
		Expected: fmt.Sprintf("an id from 0 to %d, and %s between -%.0f and %.0[3]f", int64(maxID), what, most),
	}
}

// positionsOfCSV reads lines id,x,y; a first line of names may give another order, and a unit. An unfinished last line
// is still being written.
func positionsOfCSV(path string, data []byte, v dataset.View) (ids []int64, x, y []float64, unit string, err error) {
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	lines := bytes.Count(data, []byte("\n"))
	ids, x, y = make([]int64, 0, lines), make([]float64, 0, lines), make([]float64, 0, lines)
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment, r.TrimLeadingSpace, r.FieldsPerRecord, r.ReuseRecord = '#', true, -1, true
	columns, unit := [3]int{0, 1, 2}, string(v.Unit) // -1: the number of the line is the id
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return ids, x, y, unit, nil
		}
		if err != nil {
			return ids, x, y, unit, &badinput.Error{
				File: path, Key: "--positions-file", Found: "lines that are no CSV", Expected: "id,x,y", Cause: err,
			}
		}
		if first && findColumns(record, v, &columns) {
			unit = cmp.Or(unit, source.UnitOfName(strings.TrimSpace(record[columns[1]])))
			continue
		}
		id, px, py, bad := parsePosition(record, columns, int64(len(ids)), unit)
		if bad != nil {
			line, _ := r.FieldPos(0)
			bad.File, bad.Key = path, fmt.Sprintf("line %d", line)
			return ids, x, y, unit, bad
		}
		ids, x, y = append(ids, id), append(x, px), append(y, py)
	}
}

// parsePosition reads a line of CSV with positions in a unit. Without a column of ids, the id is next.
func parsePosition(
	record []string, columns [3]int, next int64, unit string,
) (id int64, x, y float64, bad *badinput.Error) {
	fault := func(found string) (int64, float64, float64, *badinput.Error) {
		return 0, 0, 0, &badinput.Error{
			Found: found, Expected: "id,x,y: a whole number and two positions",
			Remedy: "if the columns are others, name them in the first line",
		}
	}
	if len(record) <= slices.Max(columns[:]) {
		return fault(fmt.Sprintf("%d values", len(record)))
	}
	id, errID := next, error(nil)
	if columns[0] >= 0 {
		id, errID = strconv.ParseInt(strings.TrimSpace(record[columns[0]]), 10, 64)
	}
	x, errX := strconv.ParseFloat(strings.TrimSpace(record[columns[1]]), 64)
	y, errY := strconv.ParseFloat(strings.TrimSpace(record[columns[2]]), 64)
	if errors.Join(errID, errX, errY) != nil {
		return fault(strconv.Quote(strings.Join(record, ",")))
	}
	return id, x, y, checkPosition(id, x, y, unit)
}

// findColumns finds the columns in a line of names, and reports whether it is one. The user may name those of x and y.
func findColumns(record []string, v dataset.View, columns *[3]int) bool {
	names := make([]string, len(record))
	for i, field := range record {
		names[i] = strings.TrimSpace(strings.TrimPrefix(field, "\ufeff"))
	}
	x, y := v.X, v.Y
	if pairs := source.PairsIn(names); x == "" && y == "" && len(pairs) > 0 {
		x, y = pairs[0].X, pairs[0].Y
	}
	found := [3]int{slices.IndexFunc(names, source.IsNumber), slices.Index(names, x), slices.Index(names, y)}
	if slices.Min(found[1:]) < 0 {
		return false
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
	w.news, w.positions.fresh = w.o.Clock.Now(), nil
	for id, frame := range w.waiting {
		if _, known := w.positions.byID.get(id); known {
			f := frame.file
			f.next, f.done, f.rereading = min(f.next, frame.row), false, true
		}
	}
}

// reportPositionsFault logs, once, a fault of the positions that has lasted for some time, or is there from the start.
// The first reading without a fault is logged, too.
func (w *Watcher) reportPositionsFault(after time.Duration) {
	p := w.positions
	if p.doubled >= 0 && !p.reportedID {
		p.reportedID = true
		w.o.Log.Warn("an id has two positions, of which the first counts", "positions", p.path, "id", p.doubled)
	}
	switch {
	case p.fault == nil && !p.read:
		p.read = true
		w.o.Log.Info("positions are read", "file", p.path, "positions", p.byID.count, "unit", p.unit())
		w.checkSpan(p)
	case p.fault != nil && (!p.read || w.o.Clock.Now().Sub(p.faultSince) >= after) && p.reported != p.fault.Error():
		p.reported = p.fault.Error()
		w.o.Log.Warn("the positions have a fault; trying again", "error", p.reported)
	}
}

// checkSpan warns of positions in pixels that nearly coincide: they may be lengths.
func (w *Watcher) checkSpan(p *positions) {
	const fewest, part = 16, 16
	if p.metres || p.byID.count < fewest {
		return
	}
	low, high := position{math.Inf(1), math.Inf(1)}, position{math.Inf(-1), math.Inf(-1)}
	for _, page := range p.byID.pages {
		for _, at := range page.values {
			low = position{min(low.x, at.x), min(low.y, at.y)}
			high = position{max(high.x, at.x), max(high.y, at.y)}
		}
	}
	if width, height := high.x-low.x, high.y-low.y; max(width, height) < float64(w.o.Contract.N)/part {
		w.o.Log.Warn("all positions lie within a small part of a pattern; if they are lengths, state --unit",
			"file", p.path, "span", fmt.Sprintf("%.3g x %.3g px", width, height))
	}
}

// unit is the unit that positions have here.
func (p *positions) unit() string {
	if p.metres {
		return "m"
	}
	return "px"
}

// locate sets a frame's position. A frame without one waits, and locate reports false.
func (w *Watcher) locate(f *frame, scan *dataset.Scan, row int, before int64) bool {
	if w.positions == nil {
		f.x, f.y = scan.X[row], scan.Y[row]
		return true
	}
	if at, known := w.positions.byID.get(f.id); known {
		f.x, f.y = w.positions.inView(at, scan)
		return true
	}
	if _, noted := w.waiting[f.id]; !noted {
		w.noteNew(f.id, before)
	}
	w.waiting[f.id] = waiting{f.from, row}
	return false
}

// inView turns a position into the scan's pixels.
func (p *positions) inView(at position, scan *dataset.Scan) (x, y float64) {
	if p.metres {
		return at.x / scan.Geometry.PixelX, at.y / scan.Geometry.PixelY
	}
	return scan.InView(at.x, at.y)
}
