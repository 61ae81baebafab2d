package trainer

import (
	"fmt"

	"ptyx/internal/badinput"
	"ptyx/internal/dataset"
	"ptyx/internal/ndarray"
)

// Data is what a training sees of its scans: patterns and their positions, and the groups that form samples. A group lies
// within one scan.
type Data struct {
	Patterns *ndarray.Float32 // (K, N, N), amplitudes
	X, Y     []float64        // (K), patch centres in object pixels
	Scan     []int            // (K), number of the pattern's scan, and so of the probe that made it
	Groups   [][]int          // each C indices into the K patterns

	truth *truth // what patches really are; nil without supervision
}

// data loads the patterns that take part and splits them. val is nil without validation.
func (r Request) data() (train, val *Data, err error) {
	if err := r.checkScans(); err != nil {
		return nil, nil, err
	}
	groups, err := r.groups(r.Scans)
	if err != nil {
		return nil, nil, err
	}
	trainGroups, valGroups, valScans := groups, [][]int(nil), scans(r.Scans)
	if len(r.Validation) > 0 {
		valScans = r.Validation
		if valGroups, err = r.groups(valScans); err != nil {
			return nil, nil, err
		}
	} else {
		trainGroups, valGroups = dataset.Split(groups, r.Config.ValFraction, r.Config.Seed)
	}
	if len(trainGroups) == 0 {
		return nil, nil, &badinput.Error{File: r.Scans[0].Path, Key: "n_images", Found: fmt.Sprintf("%d groups, all for validation", len(groups)), Expected: "at least one group to train on", Remedy: "lower --val-fraction or give more patterns"}
	}
	if train, err = scans(r.Scans).load(trainGroups, r.Config.Mode); err != nil {
		return nil, nil, err
	}
	if len(valGroups) > 0 {
		val, err = valScans.load(valGroups, r.Config.Mode)
	}
	return train, val, err
}

// checkScans refuses scans that do not go together.
func (r Request) checkScans() error {
	first := r.Scans[0]
	for _, list := range [][]*dataset.Scan{r.Scans, r.Validation} {
		for _, s := range list {
			if s.N != first.N {
				return &badinput.Error{File: s.Path, Key: "diff3d", Found: fmt.Sprintf("patterns of %d x %d", s.N, s.N),
					Expected: fmt.Sprintf("%d x %d, as in %s", first.N, first.N, first.Path)}
			}
		}
	}
	if v := len(r.Validation); v > len(r.Scans) {
		return &badinput.Error{Key: "test_data_file", Found: fmt.Sprintf("%d scans", v), Expected: fmt.Sprintf("at most %d, one for each scan to train on, whose probe it is seen with", len(r.Scans))}
	}
	return nil
}

// groups draws the samples of all scans: single patterns, or neighbours for a grid.
func (r Request) groups(list scans) ([][]int, error) {
	var all [][]int
	for i, first := range list.firsts() {
		groups, err := r.groupsOf(list[i])
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			for k := range group {
				group[k] += first
			}
		}
		all = append(all, groups...)
	}
	return dataset.Sample(all, r.Config.Patterns, r.Config.Seed), nil
}

// groupsOf are the groups of one scan. Where the patterns of a group share a canvas, neighbours too far from each other to
// overlap stay out: one stray position would make that canvas as large as its distance.
func (r Request) groupsOf(scan *dataset.Scan) ([][]int, error) {
	groups, err := scan.Groups(dataset.Grouping{
		Gridsize: r.Config.Gridsize, Neighbours: r.Config.Neighbours, Oversample: r.Config.Oversample, Seed: r.Config.Seed,
	})
	if err != nil || r.Config.Gridsize == 1 || r.Config.Grouping != Shared {
		return groups, err
	}
	reach := r.Config.Gridsize * scan.N
	near := dataset.Overlapping(groups, scan.X, scan.Y, float64(reach))
	if len(near) == 0 {
		return nil, &badinput.Error{File: scan.Path, Key: "xcoords, ycoords", Found: fmt.Sprintf("no %d neighbours within %d pixels", r.Config.Gridsize*r.Config.Gridsize, reach),
			Expected: fmt.Sprintf("patterns that overlap, for groups of gridsize %d", r.Config.Gridsize), Remedy: "give positions in object pixels, or take --gridsize 1"}
	}
	if far := len(groups) - len(near); far > 0 {
		r.Log.Warn("groups of patterns too far apart to overlap are left out", "file", scan.Path, "left_out", far, "groups", len(groups), "pixels", reach)
	}
	return near, nil
}

// scans are scans whose patterns are numbered through, one scan after the other.
type scans []*dataset.Scan

// firsts are the numbers of the scans' first patterns.
func (l scans) firsts() []int {
	firsts, next := make([]int, len(l)), 0
	for i, s := range l {
		firsts[i] = next
		next += s.M
	}
	return firsts
}

// load reads the patterns of the groups, each once, and with supervision what they show.
func (l scans) load(groups [][]int, mode Mode) (*Data, error) {
	d, numbers := l.lay(groups)
	n := l[0].N
	d.Patterns = ndarray.New[float32](len(numbers), n, n)
	for i := range l {
		ids, into := l.destinations(i, d.Scan, numbers, d.Patterns.Data, n*n)
		if err := l[i].ReadSelected(ids, into); err != nil {
			return nil, err
		}
	}
	var err error
	if mode == Supervised {
		d.truth, err = l.loadTruth(d, numbers)
	}
	return d, err
}

// destinations are the patterns of scan i, and where in data their images of the given size go.
func (l scans) destinations(i int, scan, numbers []int, data []float32, size int) (ids []int, into [][]float32) {
	first := l.firsts()[i]
	for slot, of := range scan {
		if of == i {
			ids, into = append(ids, numbers[slot]-first), append(into, data[slot*size:(slot+1)*size])
		}
	}
	return ids, into
}

// lay gives the patterns of the groups their places, in the order in which the groups name them. numbers are theirs among
// all patterns.
func (l scans) lay(groups [][]int) (d *Data, numbers []int) {
	d = &Data{}
	firsts := l.firsts()
	place := map[int]int{}
	for _, group := range groups {
		renumbered := make([]int, len(group))
		for k, number := range group {
			if _, seen := place[number]; !seen {
				scan := 0
				for scan+1 < len(l) && number >= firsts[scan+1] {
					scan++
				}
				place[number] = len(numbers)
				numbers = append(numbers, number)
				id := number - firsts[scan]
				d.X, d.Y, d.Scan = append(d.X, l[scan].X[id]), append(d.Y, l[scan].Y[id]), append(d.Scan, scan)
			}
			renumbered[k] = place[number]
		}
		d.Groups = append(d.Groups, renumbered)
	}
	return d, numbers
}

// canvasSize is the canvas on which the patches of every group fit.
func (d *Data) canvasSize(n int) int {
	span := 0
	for _, members := range d.Groups {
		for _, positions := range [][]float64{d.X, d.Y} {
			low, high := pixelRange(positions, members)
			span = max(span, high-low)
		}
	}
	return n + span
}
