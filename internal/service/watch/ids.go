package watch

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/dataset"
)

// maxID is the largest id; JSON numbers are exact up to it.
const maxID = 1<<53 - 1

var trailingNumber = regexp.MustCompile(`[0-9]+$`)

// ids returns the ids of a file's frames: those in the file; else in a part file, those by the number at the end of its
// name; else the numbers of the rows.
func (o Options) ids(scan *dataset.Scan) ([]int64, error) {
	ids, err := scan.FrameIDs()
	if err != nil {
		return nil, err
	}
	switch {
	case ids == nil && o.Single:
		return numbered(0, scan.M), nil
	case ids == nil:
		return o.idsOfName(scan.Path, scan.M)
	}
	for i, id := range ids {
		if id < 0 || id > maxID {
			return nil, &badinput.Error{
				File: scan.Path, Key: "ids", Found: fmt.Sprintf("%d at index %d", id, i),
				Expected: fmt.Sprintf("0 to %d", int64(maxID)),
			}
		}
	}
	return ids, nil
}

// numbered returns count ids from first on.
func numbered(first int64, count int) []int64 {
	ids := make([]int64, count)
	for i := range ids {
		ids[i] = first + int64(i)
	}
	return ids
}

// idsOfName returns the ids of count frames in a file without ids. File number k, counted from FirstFile, begins with
// frame k * FramesPerFile.
func (o Options) idsOfName(path string, count int) ([]int64, error) {
	fault := func(found, expected, remedy string) ([]int64, error) {
		return nil, &badinput.Error{File: path, Key: "ids", Found: found, Expected: expected, Remedy: remedy}
	}
	name := filepath.Base(path)
	digits := trailingNumber.FindString(strings.TrimSuffix(name, filepath.Ext(name)))
	number, err := strconv.ParseInt(digits, 10, 64)
	each, first := int64(max(1, o.FramesPerFile)), int64(o.FirstFile)
	switch {
	case digits == "":
		return fault("no ids, and a name without a number at its end",
			"an array ids (M,), or a name such as frame_0042.npz", "")
	case err != nil || number > maxID/each-1:
		return fault("no ids, and the number "+digits+" in the name", "a smaller one", "")
	case number < first:
		return fault(fmt.Sprintf("no ids, and the number %d in the name", number),
			fmt.Sprintf("%d or more, as --first-file says", first), "")
	case int64(count) > each:
		return fault(fmt.Sprintf("%d frames and no ids", count),
			fmt.Sprintf("an array ids (M,), or at most %d frames in a file", each),
			"give --frames-per-file: how many each file but the last holds")
	}
	return numbered((number-first)*each, count), nil
}
