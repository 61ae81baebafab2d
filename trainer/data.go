package trainer

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// Data is what a training sees of its scans: patterns and their positions, and the groups that form samples. A group lies
// within one scan.
type Data struct {
	Patterns *ndarray.Float32 // (K, N, N), amplitudes; nil where they are in the store
	X, Y     []float64        // (K), patch centres in object pixels
	Scan     []int            // (K), number of the pattern's scan, and so of the probe that made it
	Groups   [][]int          // each C indices into the K patterns

	ids   []int       // (K), the pattern's number within its scan
	masks [][]float32 // of each scan: weights (N, N) of mean 1, 0 where nothing was measured; nil where all pixels count
	truth *truth      // what patches really are; nil without supervision
	store *store      // where patterns are that memory does not hold; nil where it does
}

// data lays out the patterns that take part, splits them and loads them, or, where they are more than memory may hold, opens
// the store that they come from. val is nil without validation. Close both when it is done.
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
	train = scans(r.Scans).lay(trainGroups)
	parts := []part{{r.Scans, train}}
	if len(valGroups) > 0 {
		val = valScans.lay(valGroups)
		parts = append(parts, part{valScans, val})
	}
	if err := r.fill(parts); err != nil {
		train.Close()
		val.Close()
		return nil, nil, err
	}
	return train, val, nil
}

// part is Data that is laid out and waits for its images.
type part struct {
	scans scans
	data  *Data
}

// fill gives the parts their images, from memory or from a store.
func (r Request) fill(parts []part) error {
	n := r.Scans[0].N
	bytes := int64(0)
	for _, p := range parts {
		if r.Config.Mode == Supervised {
			if err := p.findTruth(n); err != nil {
				return err
			}
		}
		bytes += p.data.bytes(n)
	}
	if r.MemoryLimit > 0 && bytes > r.MemoryLimit {
		r.Log.Info("patterns are read from disk as they are needed", "MB", bytes/1e6, "memory_limit", r.MemoryLimit/1e6)
		if err := openStores(parts, r.Scratch); err != nil {
			return err
		}
	} else {
		for _, p := range parts {
			if err := p.load(n); err != nil {
				return err
			}
		}
	}
	for _, p := range parts {
		if p.data.truth == nil {
			continue
		}
		if err := p.knownSomewhere(n); err != nil {
			return err
		}
	}
	return nil
}

// bytes is what the images need in memory.
func (d *Data) bytes(n int) int64 {
	image := int64(4 * n * n)
	if d.truth != nil && d.truth.given() {
		image *= 3
	}
	return image * int64(len(d.X))
}

// Close frees the store. Nothing is lost if it fails, and nothing to be done about it.
func (d *Data) Close() {
	if d != nil && d.store != nil {
		d.store.close()
	}
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

// lay gives the patterns of the groups their places, in the order in which the groups name them.
func (l scans) lay(groups [][]int) *Data {
	d := &Data{}
	firsts, total := l.firsts(), 0
	for _, s := range l {
		total += s.M
		d.masks = append(d.masks, maskOf(s))
	}
	place := make([]int, total) // 1 + place of a pattern
	for _, group := range groups {
		renumbered := make([]int, len(group))
		for k, number := range group {
			if place[number] == 0 {
				scan := 0
				for scan+1 < len(l) && number >= firsts[scan+1] {
					scan++
				}
				id := number - firsts[scan]
				d.X, d.Y, d.Scan, d.ids = append(d.X, l[scan].X[id]), append(d.Y, l[scan].Y[id]), append(d.Scan, scan), append(d.ids, id)
				place[number] = len(d.X)
			}
			renumbered[k] = place[number] - 1
		}
		d.Groups = append(d.Groups, renumbered)
	}
	return d
}

// maskOf is the weight of each pixel of a scan's patterns.
func maskOf(s *dataset.Scan) []float32 {
	if s.Measured == nil {
		return nil
	}
	count := 0
	for _, m := range s.Measured {
		if m {
			count++
		}
	}
	mask := make([]float32, len(s.Measured))
	for i, m := range s.Measured {
		if m {
			mask[i] = float32(len(mask)) / float32(count)
		}
	}
	return mask
}

// masked tells whether any scan has pixels that were not measured.
func (d *Data) masked() bool {
	return d != nil && slices.ContainsFunc(d.masks, func(m []float32) bool { return m != nil })
}

// load reads the images of all patterns into memory.
func (p part) load(n int) error {
	d := p.data
	d.Patterns = ndarray.New[float32](len(d.X), n, n)
	if d.truth != nil && d.truth.given() {
		d.truth.patches = ndarray.New[float32](len(d.X), n, n, 2)
	}
	for i, scan := range p.scans {
		ids, into := d.destinations(i, d.Patterns.Data, n*n)
		if err := scan.ReadSelected(ids, into); err != nil {
			return err
		}
		if d.truth != nil && d.truth.objects[i] == nil {
			ids, into := d.destinations(i, d.truth.patches.Data, 2*n*n)
			if err := scan.ReadTruth(ids, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// destinations are the patterns of a scan, and where in data their images of the given size go.
func (d *Data) destinations(scan int, data []float32, size int) (ids []int, into [][]float32) {
	for _, place := range d.placesOf(scan) {
		ids, into = append(ids, d.ids[place]), append(into, data[place*size:(place+1)*size])
	}
	return ids, into
}

// placesOf are the places of a scan's patterns.
func (d *Data) placesOf(scan int) []int {
	var places []int
	for place, of := range d.Scan {
		if of == scan {
			places = append(places, place)
		}
	}
	return places
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
