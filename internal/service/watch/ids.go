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

// maxID is the largest id: what serve takes, and JSON can say.
const maxID = 1<<53 - 1

var trailingNumber = regexp.MustCompile(`[0-9]+$`)

// ids are those of a part's frames: the file's own, else by the number that its name ends with.
func (o Options) ids(scan *dataset.Scan) ([]int64, error) {
	ids, err := scan.FrameIDs()
	if err != nil {
		return nil, err
	}
	switch {
	case ids == nil && o.Single:
		ids = make([]int64, scan.M)
		for i := range ids {
			ids[i] = int64(i)
		}
	case ids == nil:
		return o.idsOfName(scan.Path, scan.M)
	}
	for i, id := range ids {
		if id < 0 || id > maxID {
			return nil, &badinput.Error{File: scan.Path, Key: "ids", Found: fmt.Sprintf("%d at index %d", id, i), Expected: fmt.Sprintf("0 to %d", int64(maxID))}
		}
	}
	return ids, nil
}

// idsOfName numbers count frames of a file without ids: file number k, counted from FirstFile, begins with frame k * FramesPerFile.
func (o Options) idsOfName(path string, count int) ([]int64, error) {
	fault := func(found, expected, remedy string) error {
		return &badinput.Error{File: path, Key: "ids", Found: found, Expected: expected, Remedy: remedy}
	}
	name := filepath.Base(path)
	digits := trailingNumber.FindString(strings.TrimSuffix(name, filepath.Ext(name)))
	if digits == "" {
		return nil, fault("no ids, and a name without a number at its end", "an array ids (M,), or a name such as frame_0042.npz", "")
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	each := int64(max(1, o.FramesPerFile))
	switch first := int64(o.FirstFile); {
	case err != nil || number > maxID/each-1:
		return nil, fault("no ids, and the number "+digits+" in the name", "a smaller one", "")
	case number < first:
		return nil, fault(fmt.Sprintf("no ids, and the number %d in the name", number), fmt.Sprintf("%d or more, as --first-file says", first), "")
	case int64(count) > each:
		return nil, fault(fmt.Sprintf("%d frames and no ids", count), fmt.Sprintf("an array ids (M,), or at most %d frames in a file", each),
			"say --frames-per-file, with how many each file but the last holds")
	default:
		number -= first
	}
	ids := make([]int64, count)
	for i := range ids {
		ids[i] = number*each + int64(i)
	}
	return ids, nil
}
