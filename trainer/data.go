package trainer

import (
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/grouping"
)

// Data is what a training reads of its scans: patterns, their positions, and the groups that form samples. A group lies
// within one scan. The place of a pattern is its index in these arrays.
type Data struct {
	Patterns *ndarray.Float32 // (K, N, N), amplitudes; nil where they are in the store
	X, Y     []float64        // (K), patch centres in object pixels
	Scan     []int            // (K), number of the pattern's scan, and so of its probe
	Groups   [][]int          // each C places

	ids   []int       // (K), the pattern's number within its scan
	masks [][]float32 // of each scan: weights (N, N) of mean 1, 0 where not measured; nil where all pixels count
	truth *truth      // the true patches; nil without supervision
	store *store      // patterns on disk; nil where memory holds them
}

// data chooses the patterns that take part, splits them, and loads them, or opens the store that they are read from if
// they exceed MemoryLimit. val is nil without validation. The caller closes both.
func (r Request) data() (train, val *Data, err error) {
	if err := r.checkScans(); err != nil {
		return nil, nil, err
	}
	valScans, draw := scans(r.Scans), r.splitGroups
	if len(r.Validation) > 0 {
		valScans, draw = r.Validation, r.separateGroups
	}
	groups, validation, err := draw()
	if err != nil {
		return nil, nil, err
	}
	train = scans(r.Scans).arrange(groups)
	sources := []source{{r.Scans, []*Data{train}}}
	if len(validation) > 0 {
		val = valScans.arrange(validation)
		if len(r.Validation) > 0 {
			sources = append(sources, source{valScans, []*Data{val}})
		} else { // both are read from one store
			sources[0].data = append(sources[0].data, val)
		}
	}
	if err := r.fill(sources); err != nil {
		train.Close()
		val.Close()
		return nil, nil, err
	}
	return train, val, nil
}

// source is a list of scans and the Data that need their images.
type source struct {
	scans scans
	data  []*Data
}

// fill gives all Data their images, from memory or from a store.
func (r Request) fill(sources []source) error {
	n, bytes := r.Scans[0].N, int64(0)
	for _, s := range sources {
		for _, d := range s.data {
			if r.Config.Mode == Supervised {
				if err := d.findTruth(s.scans); err != nil {
					return err
				}
			}
			bytes += d.bytes(n)
		}
	}
	onDisk := r.MemoryLimit > 0 && bytes > r.MemoryLimit
	if onDisk {
		r.Log.Info("patterns are read from disk as they are needed", "MB", bytes/1e6, "memory_limit", r.MemoryLimit/1e6)
	}
	for _, s := range sources {
		if onDisk {
			if err := s.openStore(r.Scratch); err != nil {
				return err
			}
		}
		for _, d := range s.data {
			if !onDisk {
				if err := d.load(s.scans); err != nil {
					return err
				}
			}
			if err := d.checkTruth(s.scans); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytes is the memory that the images need.
func (d *Data) bytes(n int) int64 {
	image := int64(4 * n * n)
	if d.truth.hasPatches() {
		image *= 3
	}
	return image * int64(len(d.X))
}

// Close frees the store, if there is one.
func (d *Data) Close() {
	if d != nil && d.store != nil {
		d.store.close()
	}
}

// checkScans refuses scans of different pattern sizes, and validation scans without a training scan at their place.
func (r Request) checkScans() error {
	first := r.Scans[0]
	for _, s := range slices.Concat(r.Scans, r.Validation) {
		if s.N != first.N {
			return &badinput.Error{
				File: s.Path, Key: "diff3d", Found: fmt.Sprintf("patterns of %d x %d", s.N, s.N),
				Expected: fmt.Sprintf("%d x %d, as in %s", first.N, first.N, first.Path),
			}
		}
	}
	if v := len(r.Validation); v > len(r.Scans) {
		return &badinput.Error{
			Key: "test_data_file", Found: fmt.Sprintf("%d scans", v),
			Expected: fmt.Sprintf("at most %d, one for each training scan, whose probe it uses", len(r.Scans)),
		}
	}
	return nil
}

// separateGroups draws the groups of the training scans and those of the validation scans.
func (r Request) separateGroups() (train, validation [][]int, err error) {
	c := r.Config
	if train, err = r.groups(r.Scans, scans(r.Scans).ids(), c.Oversample, 0); err != nil {
		return nil, nil, err
	}
	validation, err = r.groups(r.Validation, scans(r.Validation).ids(), c.Oversample, len(r.Scans))
	if err != nil {
		return nil, nil, err
	}
	return r.sampleTraining(train, c.Patterns), r.sampleValidation(validation, c.Patterns), nil
}

// splitGroups divides the patterns of each scan and draws groups within each part, one for each pattern that validates.
// No pattern is in groups of both. A scan that is too small for a group in both parts is for training.
func (r Request) splitGroups() (train, validation [][]int, err error) {
	c := r.Config
	var trainIDs, valIDs [][]int
	for i, s := range r.Scans {
		a, b := grouping.Split(s.X, s.Y, c.ValFraction, c.Gridsize*c.Gridsize, c.Seed, i)
		trainIDs, valIDs = append(trainIDs, a), append(valIDs, b)
		if c.ValFraction > 0 && len(b) == 0 {
			r.Log.Warn("the scan is too small to validate on a part of it", "file", s.Path, "patterns", s.M)
		}
	}
	if train, err = r.groups(r.Scans, trainIDs, c.Oversample, 0); err != nil {
		return nil, nil, err
	}
	if validation, err = r.groups(r.Scans, valIDs, 1, 0); err != nil {
		return nil, nil, err
	}
	train, validation = r.sample(train, validation)
	return train, validation, nil
}

// sample chooses Config.Patterns groups of both parts together, of which Config.ValFraction, but at least one, are for
// validation, and at least one is to train on.
func (r Request) sample(train, validation [][]int) (_, _ [][]int) {
	count := r.Config.Patterns
	if count == 0 || count >= len(train)+len(validation) {
		return train, validation
	}
	share := 0
	if len(validation) > 0 && count > 1 {
		share = min(max(1, int(math.Round(r.Config.ValFraction*float64(count)))), count-1, len(validation))
		validation = r.sampleValidation(validation, share)
	} else {
		validation = nil
	}
	return r.sampleTraining(train, count-share), validation
}

func (r Request) sampleTraining(groups [][]int, count int) [][]int {
	return grouping.Sample(groups, count, stream.New(r.Config.Seed, "trainer/training"))
}

func (r Request) sampleValidation(groups [][]int, count int) [][]int {
	return grouping.Sample(groups, count, stream.New(r.Config.Seed, "trainer/validation"))
}

// groups draws the samples of a part of all scans, given by the patterns of each: single patterns, or neighbours for a
// grid. number counts the scans of the training before those of the list.
func (r Request) groups(list scans, parts [][]int, oversample, number int) ([][]int, error) {
	var all [][]int
	for i, first := range list.firsts() {
		if len(parts[i]) == 0 && list[i].M > 0 {
			continue
		}
		groups, err := r.groupsOf(list[i], parts[i], oversample, number+i)
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
	return all, nil
}

// groupsOf draws the groups of a part of one scan. On a shared canvas, groups of patterns too far apart to overlap are
// left out: one stray position would make the canvas as large as its distance.
func (r Request) groupsOf(scan *dataset.Scan, part []int, oversample, number int) ([][]int, error) {
	c := r.Config
	groups, err := grouping.Within(scan, part, grouping.Options{
		Gridsize: c.Gridsize, Neighbours: c.Neighbours, Oversample: oversample, Seed: c.Seed, Scan: number,
	})
	if err != nil || c.Gridsize == 1 || c.Grouping != Shared {
		return groups, err
	}
	reach := c.Gridsize * scan.N
	near := grouping.Overlapping(groups, scan.X, scan.Y, float64(reach))
	if len(near) == 0 {
		return nil, &badinput.Error{
			File: scan.Path, Key: "xcoords, ycoords",
			Found:    fmt.Sprintf("no %d neighbours within %d pixels", c.Gridsize*c.Gridsize, reach),
			Expected: fmt.Sprintf("patterns that overlap, for groups of gridsize %d", c.Gridsize),
			Remedy:   "give positions in object pixels, or take --gridsize 1",
		}
	}
	if far := len(groups) - len(near); far > 0 {
		r.Log.Warn("groups of patterns too far apart to overlap are left out",
			"file", scan.Path, "left_out", far, "groups", len(groups), "pixels", reach)
	}
	return near, nil
}

// scans are scans whose patterns are numbered consecutively, one scan after the other.
type scans []*dataset.Scan

// ids lists the patterns of each scan.
func (l scans) ids() [][]int {
	var ids [][]int
	for _, s := range l {
		ids = append(ids, slices.Concat(grouping.Singles(s.M)...))
	}
	return ids
}

// firsts lists the numbers of the scans' first patterns.
func (l scans) firsts() []int {
	firsts, next := make([]int, len(l)), 0
	for i, s := range l {
		firsts[i] = next
		next += s.M
	}
	return firsts
}

// arrange gives the patterns of the groups their places, in the order in which the groups name them.
func (l scans) arrange(groups [][]int) *Data {
	d := &Data{}
	for _, s := range l {
		d.masks = append(d.masks, maskOf(s))
	}
	firsts, places := l.firsts(), map[int]int{} // places by number
	for _, group := range groups {
		members := make([]int, len(group))
		for k, number := range group {
			place, seen := places[number]
			if !seen {
				scan, found := slices.BinarySearch(firsts, number)
				if !found {
					scan--
				}
				id := number - firsts[scan]
				place = d.add(l[scan].X[id], l[scan].Y[id], scan, id)
				places[number] = place
			}
			members[k] = place
		}
		d.Groups = append(d.Groups, members)
	}
	return d
}

// add appends a pattern and returns its place.
func (d *Data) add(x, y float64, scan, id int) int {
	d.X, d.Y, d.Scan, d.ids = append(d.X, x), append(d.Y, y), append(d.Scan, scan), append(d.ids, id)
	return len(d.X) - 1
}

// maskOf is the weight of each pixel of a scan's patterns, (N, N); nil if all were measured.
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

// masked reports whether any scan has pixels that were not measured.
func (d *Data) masked() bool {
	return d != nil && slices.ContainsFunc(d.masks, func(m []float32) bool { return m != nil })
}

// load reads the images of all patterns into memory.
func (d *Data) load(list scans) error {
	n := list[0].N
	d.Patterns = ndarray.New[float32](len(d.X), n, n)
	if d.truth.hasPatches() {
		d.truth.patches = ndarray.New[float32](len(d.X), n, n, 2)
	}
	for i, scan := range list {
		ids, into := d.destinations(i, d.Patterns.Data, n*n)
		if err := scan.ReadSelected(ids, into); err != nil {
			return err
		}
		if d.truth.givesPatches(i) {
			ids, into := d.destinations(i, d.truth.patches.Data, 2*n*n)
			if err := scan.ReadTruth(ids, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// destinations lists the patterns of a scan, and where in data their images of the given size go.
func (d *Data) destinations(scan int, data []float32, size int) (ids []int, into [][]float32) {
	for _, place := range d.placesOf(scan) {
		ids, into = append(ids, d.ids[place]), append(into, data[place*size:(place+1)*size])
	}
	return ids, into
}

// placesOf lists the places of a scan's patterns.
func (d *Data) placesOf(scan int) []int {
	var places []int
	for place, of := range d.Scan {
		if of == scan {
			places = append(places, place)
		}
	}
	return places
}

// canvasSize is the side of a canvas that holds the patches of any group.
func (d *Data) canvasSize(n int) int {
	span := 0
	for _, members := range d.Groups {
		for _, positions := range [][]float64{d.X, d.Y} {
			low, high := frame.Range(positions, members)
			span = max(span, high-low)
		}
	}
	return n + span
}
