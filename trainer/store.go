package trainer

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// store gives access to the images of a Data that stay on disk. What is trained, and in which order, is the same as
// from memory. It is for one goroutine.
type store struct {
	patterns, truth []*dataset.Access // of each scan; truth is nil where the scan gives its object
}

// openStore opens the images that all Data of a source need. They share the store, so that a compressed file is
// unpacked once.
func (s source) openStore(scratch string) error {
	shared := &store{}
	for _, d := range s.data {
		d.store = shared
	}
	for i, scan := range s.scans {
		var ids []int
		for _, d := range s.data {
			for _, place := range d.placesOf(i) {
				ids = append(ids, d.ids[place])
			}
		}
		patterns, err := scan.Access(ids, scratch)
		if err != nil {
			return err
		}
		shared.patterns = append(shared.patterns, patterns)
		var truth *dataset.Access
		if s.data[0].truth.givesPatches(i) {
			if truth, err = scan.AccessTruth(ids, scratch); err != nil {
				return err
			}
		}
		shared.truth = append(shared.truth, truth)
	}
	return nil
}

// close frees the store; it may be called again.
func (s *store) close() {
	for _, a := range append(s.patterns, s.truth...) {
		if a != nil {
			_ = a.Close() // nothing was written
		}
	}
	s.patterns, s.truth = nil, nil
}

// images reads the patterns at the given places, (K', N, N), from memory or the store.
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

// excerpt is the Data of some groups, in memory.
func (d *Data) excerpt(groups []int, n int) (*Data, error) {
	out := &Data{masks: d.masks}
	var places []int
	renumbered := map[int]int{} // place in out by place in d
	for _, g := range groups {
		members := make([]int, len(d.Groups[g]))
		for c, place := range d.Groups[g] {
			if _, seen := renumbered[place]; !seen {
				renumbered[place] = out.add(d.X[place], d.Y[place], d.Scan[place], d.ids[place])
				places = append(places, place)
			}
			members[c] = renumbered[place]
		}
		out.Groups = append(out.Groups, members)
	}
	var err error
	if out.Patterns, err = d.images(places, n); err != nil {
		return nil, err
	}
	if d.truth != nil {
		out.truth = &truth{objects: d.truth.objects}
		if d.truth.hasPatches() {
			out.truth.patches, err = d.truePatches(places, n)
		}
	}
	return out, err
}

// truePatches reads the true patches at the given places, (K', N, N, 2), from the store. They are zero where the scan
// gives its object instead.
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
