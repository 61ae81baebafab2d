package trainer

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// store is where the images of a Data are when memory does not hold them: on disk, each within reach by its number. What is
// trained, and in which order, is the same as from memory. It is for one goroutine.
type store struct {
	patterns, truth []*dataset.Access // of each scan; truth is nil where the scan gives its object
}

// openStores opens the images of all parts. Parts of the same scans share a store, so that what has to be unpacked is
// unpacked once.
func openStores(parts []part, scratch string) error {
	for i, p := range parts {
		for _, before := range parts[:i] {
			if &before.scans[0] == &p.scans[0] {
				p.data.store = before.data.store
			}
		}
		if p.data.store != nil {
			continue
		}
		var sharing []*Data
		for _, other := range parts[i:] {
			if &other.scans[0] == &p.scans[0] {
				sharing = append(sharing, other.data)
			}
		}
		p.data.store = &store{}
		if err := p.data.store.open(p.scans, sharing, scratch); err != nil {
			return err
		}
	}
	return nil
}

// open opens the patterns that the given Data want of each scan.
func (s *store) open(list scans, sharing []*Data, scratch string) error {
	for i, scan := range list {
		var ids []int
		for _, d := range sharing {
			for _, place := range d.placesOf(i) {
				ids = append(ids, d.ids[place])
			}
		}
		patterns, err := scan.Access(ids, scratch)
		if err != nil {
			return err
		}
		s.patterns = append(s.patterns, patterns)
		var truth *dataset.Access
		if t := sharing[0].truth; t != nil && t.objects[i] == nil {
			if truth, err = scan.AccessTruth(ids, scratch); err != nil {
				return err
			}
		}
		s.truth = append(s.truth, truth)
	}
	return nil
}

// close frees all; it may be called again.
func (s *store) close() {
	for _, a := range append(s.patterns, s.truth...) {
		if a != nil {
			_ = a.Close()
		}
	}
	s.patterns, s.truth = nil, nil
}

// images reads the patterns with the given places, (K', N, N), from wherever they are.
func (d *Data) images(places []int, n int) (*ndarray.Float32, error) {
	out := ndarray.New[float32](len(places), n, n)
	for k, place := range places {
		image := out.Data[k*n*n : (k+1)*n*n]
		if d.store == nil {
			copy(image, d.Patterns.Data[place*n*n:])
		} else if err := d.store.patterns[d.Scan[place]].Read(d.ids[place], image); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// excerpt is the Data of some groups alone, in memory.
func (d *Data) excerpt(groups []int, n int) (*Data, error) {
	out := &Data{masks: d.masks}
	var places []int
	where := map[int]int{}
	for _, g := range groups {
		members := make([]int, len(d.Groups[g]))
		for c, place := range d.Groups[g] {
			if _, seen := where[place]; !seen {
				where[place] = len(places)
				places = append(places, place)
				out.X, out.Y, out.Scan, out.ids = append(out.X, d.X[place]), append(out.Y, d.Y[place]), append(out.Scan, d.Scan[place]), append(out.ids, d.ids[place])
			}
			members[c] = where[place]
		}
		out.Groups = append(out.Groups, members)
	}
	var err error
	if out.Patterns, err = d.images(places, n); err != nil {
		return nil, err
	}
	if d.truth != nil {
		out.truth = &truth{objects: d.truth.objects}
		if d.truth.given() {
			out.truth.patches, err = d.truePatches(places, n)
		}
	}
	return out, err
}

// truePatches reads the true patches with the given places, (K', N, N, 2), from the store; zeros where there is an object.
func (d *Data) truePatches(places []int, n int) (*ndarray.Float32, error) {
	out := ndarray.New[float32](len(places), n, n, 2)
	for k, place := range places {
		if a := d.store.truth[d.Scan[place]]; a != nil {
			if err := a.Read(d.ids[place], out.Data[2*k*n*n:2*(k+1)*n*n]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
