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

// place is where a frame was measured, in object pixels.
type place struct{ x, y float64 }

// farthest is the largest coordinate, as for a scan.
const farthest = 1 << 24

// positions are those of a file that stands beside the patterns, and may grow as they do. A position that is there stays as it is.
type positions struct {
	path  string
	view  dataset.View
	read  stamp // of the file as it was read last
	at    map[int64]place
	fault error     // of the last reading
	since time.Time // of the first reading with a fault, in a row
	said  string    // of faults
}

// look reads the file, if it has changed, and reports whether there are new positions. What is good of a file with a fault is taken.
func (p *positions) look() (more bool) {
	info, err := os.Stat(p.path)
	if err != nil {
		p.fault = &badinput.Error{File: p.path, Key: "--positions", Found: "no file that can be read", Expected: "positions as CSV or NPZ", Cause: badinput.Cause(err)}
		return false
	}
	if p.fault == nil && stampOf(info) == p.read {
		return false
	}
	p.read = stampOf(info)
	ids, x, y, err := readPositions(p.path)
	p.fault = err
	for i, id := range ids {
		if _, there := p.at[id]; !there {
			p.at[id] = p.turn(x[i], y[i])
			more = true
		}
	}
	return more
}

// turn looks at a position as the reader of scans does at those of a part.
func (p *positions) turn(x, y float64) place {
	if p.view.SwapXY {
		x, y = y, x
	}
	sample := p.view.SampleMotion != nil && *p.view.SampleMotion
	if sample != p.view.FlipX {
		x = -x
	}
	if sample != p.view.FlipY {
		y = -y
	}
	return place{x, y}
}

// readPositions reads an NPZ file of ids, xcoords and ycoords, or else CSV. With an error comes what stands before the fault.
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
		return nil, nil, nil, &badinput.Error{File: path, Key: "ids", Found: fmt.Sprintf("%d ids, %d xcoords, %d ycoords", len(ids), len(x), len(y)), Expected: "as many of each"}
	}
	for i := range ids {
		if err := checkPosition(ids[i], x[i], y[i]); err != nil {
			err.File, err.Key = path, fmt.Sprintf("position %d", i)
			return ids[:i], x[:i], y[:i], err
		}
	}
	return ids, x, y, nil
}

// checkPosition refuses what is no frame's position.
func checkPosition(id int64, x, y float64) *badinput.Error {
	if id >= 0 && id <= maxID && math.Abs(x) <= farthest && math.Abs(y) <= farthest { // in accept form: NaN fails
		return nil
	}
	return &badinput.Error{Found: fmt.Sprintf("frame %d at (%v, %v)", id, x, y),
		Expected: fmt.Sprintf("an id from 0 to %d, and finite object pixels, none beyond %d", int64(maxID), farthest)}
}

// headings are the names that columns may have, in lower case.
var headings = [3][]string{{"id", "ids", "index", "frame"}, {"x", "xcoords"}, {"y", "ycoords"}}

// positionsOfCSV reads lines id,x,y; a first line of names may give another order. A line that does not end is still being written.
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
			return ids, x, y, &badinput.Error{File: path, Key: "--positions", Found: "lines that are no CSV", Expected: "id,x,y", Cause: err}
		}
		line, _ := r.FieldPos(0)
		fault := func(found string) error {
			return &badinput.Error{File: path, Key: fmt.Sprintf("line %d", line), Found: found, Expected: "id,x,y: a whole number and two object pixels"}
		}
		if first && named(record, &columns) {
			continue
		}
		if len(record) <= slices.Max(columns[:]) {
			return ids, x, y, fault(fmt.Sprintf("%d values", len(record)))
		}
		id, errID := strconv.ParseInt(strings.TrimSpace(record[columns[0]]), 10, 64)
		px, errX := strconv.ParseFloat(strings.TrimSpace(record[columns[1]]), 64)
		py, errY := strconv.ParseFloat(strings.TrimSpace(record[columns[2]]), 64)
		if err := errors.Join(errID, errX, errY); err != nil {
			return ids, x, y, fault(strconv.Quote(strings.Join(record, ",")))
		}
		if err := checkPosition(id, px, py); err != nil {
			err.File, err.Key = path, fmt.Sprintf("line %d", line)
			return ids, x, y, err
		}
		ids, x, y = append(ids, id), append(x, px), append(y, py)
	}
}

// named finds the columns in a line of names, if it is one.
func named(record []string, columns *[3]int) bool {
	found := *columns
	for i, names := range headings {
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

// waiting is a frame without a position.
type waiting struct {
	file *file
	row  int
}

// pair reads new positions, and has the frames that waited for them read again.
func (w *Watcher) pair() {
	if w.positions == nil {
		return
	}
	before := w.positions.fault
	more := w.positions.look()
	w.complain(before == nil, w.o.GiveUp)
	if !more {
		return
	}
	w.news = w.o.Clock.Now()
	again := map[*file]int{} // the first row
	for id, frame := range w.waiting {
		if _, there := w.positions.at[id]; !there {
			continue
		}
		if row, noted := again[frame.file]; !noted || frame.row < row {
			again[frame.file] = frame.row
		}
	}
	for f, row := range again {
		f.next, f.done, f.again = min(f.next, row), false, true
	}
}

// complain tells of a fault of the positions that has been there for some time, once. newly says that it was not there before.
func (w *Watcher) complain(newly bool, after time.Duration) {
	p, now := w.positions, w.o.Clock.Now()
	if newly {
		p.since = now
	}
	if p.fault != nil && now.Sub(p.since) >= after && p.said != p.fault.Error() {
		p.said = p.fault.Error()
		w.o.Log.Warn("the positions have a fault, and are looked at again", "error", p.said)
	}
}

// placed gives a frame its position. One that has none yet waits, and is not to be taken.
func (w *Watcher) placed(f *frame, scan *dataset.Scan, row int, before int64) bool {
	if w.positions == nil {
		f.x, f.y = scan.X[row], scan.Y[row]
		return true
	}
	at, there := w.positions.at[f.id]
	if there {
		f.x, f.y = at.x, at.y
		return true
	}
	if _, noted := w.waiting[f.id]; !noted {
		w.sight(f.id, before)
	}
	w.waiting[f.id] = waiting{f.from, row}
	return false
}

// sight counts an id that is seen for the first time.
func (w *Watcher) sight(id, before int64) {
	if id < before {
		w.counts.Late++
	}
	w.object.largest = max(w.object.largest, id)
	w.news = w.o.Clock.Now()
}
