package hdf5

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// virtual is the content of a virtual dataset. A frame is an element of all axes but the last ones, cell of them.
type virtual struct {
	cell   int
	frames int
	runs   []run // by first frame
	ends   []int // for each run, the first frame after it and all runs before it
	fill   float64
	gaps   bool // the runs of a frame do not cover all of it
	lost   []Span
	files  []string // that are missing or too short, in the order of the frames
	size   uint64   // bytes of all parts
}

// run is a series of frames of a virtual dataset that are in a row in a part, too.
type run struct {
	stretch        // of the virtual dataset
	part    *Part  // nil: lost
	file    string // of a lost one, as the virtual dataset names it
	at      int    // its first frame in the part
	to      []stretch
	from    []stretch // the rectangles in frames of the virtual dataset and of the part
}

// Part is a dataset that a virtual one refers to, or one to join. Nothing of it is open.
type Part struct {
	Shape []int
	Type  Type

	name         string // of the file, for messages
	file, object string // the real path of the file, and the path without links in it
	chunk        []int
}

// Span is Count frames in a row, from First on.
type Span struct{ First, Count int }

// Lost are the frames of a virtual dataset that no file holds, in order. A frame is an element of all axes but the last
// ones, cell of them. Reading one of them is an error. files are the files that are missing, or that end too early.
func (d *Dataset) Lost(cell int) (frames []Span, files []string) {
	v := d.virtual
	if v == nil {
		return nil, nil
	}
	own, asked := int(product(1, d.Shape[len(d.Shape)-v.cell:])), int(product(1, d.Shape[len(d.Shape)-cell:]))
	for _, s := range v.lost {
		first, end := s.First*own/asked, ((s.First+s.Count)*own+asked-1)/asked
		frames = addSpan(frames, first, end)
	}
	return frames, v.files
}

// addSpan adds frames first to end-1 to spans in order, of which the last may reach into them.
func addSpan(spans []Span, first, end int) []Span {
	if last := len(spans) - 1; first < end && last >= 0 && spans[last].First+spans[last].Count >= first {
		spans[last].Count = max(spans[last].Count, end-spans[last].First)
	} else if first < end {
		spans = append(spans, Span{first, end - first})
	}
	return spans
}

// mostElements is the number of elements that a virtual dataset may have.
const mostElements = 1 << 50

// assemble finds the parts of a virtual dataset. depth is how many virtual datasets refer to this one, each through the
// one before.
func (d *Dataset) assemble(properties id, depth int) error {
	maps, err := d.mappings(properties)
	if err != nil {
		return err
	}
	// Not before: the library would open the files of an unlimited dataset to know its shape.
	if err := d.readShape(); err != nil {
		return err
	}
	if product(1, d.Shape) > mostElements {
		return d.refuse(fmt.Sprintf("a virtual dataset of shape %v", d.Shape), "one that files can hold")
	}
	if err := d.findParts(maps, depth); err != nil {
		return err
	}
	v := &virtual{fill: d.fillValue(properties)}
	// Frames are images if the selections are; otherwise lists, or single elements.
	for v.cell = max(0, min(2, len(d.Shape)-1)); ; v.cell-- {
		refusal := v.join(d, maps)
		if refusal == nil {
			v.finish(d, maps)
			d.virtual = v
			return nil
		}
		if err = cmp.Or(err, refusal); v.cell == 0 {
			return err
		}
	}
}

// fillValue is the value of elements that no part holds.
func (d *Dataset) fillValue(properties id) (fill float64) {
	if d.Type.Class == Integer || d.Type.Class == Float {
		d.file.library.h5Pget_fill_value(properties, d.file.library.ids.float64, unsafe.Pointer(&fill))
	}
	return fill
}

// join finds the runs, with frames of v.cell axes.
func (v *virtual) join(d *Dataset, maps []mapping) error {
	v.frames, v.runs = int(product(1, d.Shape[:len(d.Shape)-v.cell])), nil
	for _, m := range maps {
		refuse := func(found string) error {
			return d.refuse(found+", of "+m.describe(), "complete frames or rectangles of them")
		}
		to, toPart, ok := m.to.frames(d.Shape, v.cell)
		if !ok {
			return refuse("a virtual dataset with an irregular selection")
		}
		from, fromPart, sound := slices.Clone(to), toPart, 0
		if m.part != nil {
			from, fromPart, sound, ok = m.sourceFrames(v.cell, frameCount(to))
			if !ok {
				return refuse(fmt.Sprintf("a virtual dataset that does not match the shape %v", m.part.Shape))
			}
		}
		same := func(a, b stretch) bool { return a.count == b.count }
		if frameCount(to) != frameCount(from) || !slices.EqualFunc(toPart, fromPart, same) {
			return refuse("a virtual dataset that does not match its selection")
		}
		if len(v.runs)+len(to)+len(from) > mostStretches {
			return d.refuse("a virtual dataset of too many pieces", fmt.Sprintf("%d or fewer", mostStretches))
		}
		v.add(m, to, from, sound, toPart, fromPart)
	}
	slices.SortStableFunc(v.runs, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	return v.checkOverlap(d)
}

// add pairs the frames of a mapping, to in the virtual dataset and from in the part, which has limit frames.
func (v *virtual) add(m mapping, to, from []stretch, limit int, toPart, fromPart []stretch) {
	for len(to) > 0 {
		n := min(to[0].count, from[0].count)
		sound := max(0, min(n, limit-from[0].first))
		for _, r := range []run{
			{stretch{to[0].first, sound}, m.part, "", from[0].first, toPart, fromPart},
			{stretch{to[0].first + sound, n - sound}, nil, m.file, 0, toPart, fromPart},
		} {
			if r.count > 0 && !v.extend(r) {
				v.runs = append(v.runs, r)
			}
		}
		to, from = rest(to, n), rest(from, n)
	}
}

// rest is what n frames leave of stretches whose first has at least n.
func rest(all []stretch, n int) []stretch {
	if all[0].count == n {
		return all[1:]
	}
	all[0] = stretch{all[0].first + n, all[0].count - n}
	return all
}

// extend makes the last run longer if r continues it: programs map frame after frame of a file.
func (v *virtual) extend(r run) bool {
	if len(v.runs) == 0 {
		return false
	}
	last := &v.runs[len(v.runs)-1]
	next := r.part == nil || last.at+last.count == r.at
	if last.part != r.part || last.file != r.file || last.first+last.count != r.first || !next ||
		!slices.Equal(last.to, r.to) || !slices.Equal(last.from, r.from) {
		return false
	}
	last.count += r.count
	return true
}

// checkOverlap refuses runs that give the same element twice.
func (v *virtual) checkOverlap(d *Dataset) error {
	const mostRectangles = 64
	var rectangles [][]stretch
	var ends []int // the frame after the last one of each
	for _, r := range v.runs {
		own := slices.IndexFunc(rectangles, func(to []stretch) bool { return slices.Equal(to, r.to) })
		if own < 0 {
			if own = len(rectangles); own == mostRectangles {
				return d.refuse(fmt.Sprintf("a virtual dataset with frames of more than %d pieces", own), "fewer")
			}
			rectangles, ends = append(rectangles, r.to), append(ends, 0)
		}
		for i, to := range rectangles {
			if ends[i] > r.first && intersect(to, r.to) {
				return d.refuse(fmt.Sprintf("a virtual dataset with two sources of frame %d", r.first), "one")
			}
		}
		ends[own] = r.first + r.count
	}
	return nil
}

// intersect reports whether two rectangles have an element in common.
func intersect(a, b []stretch) bool {
	for axis := range a {
		if a[axis].first >= b[axis].first+b[axis].count || b[axis].first >= a[axis].first+a[axis].count {
			return false
		}
	}
	return true
}

// finish finds the frames that are lost, and whether frames have gaps.
func (v *virtual) finish(d *Dataset, maps []mapping) {
	frame := d.Shape[len(d.Shape)-v.cell:]
	covered := 0 // the frames before it are known
	for _, r := range v.runs {
		v.lost = addSpan(v.lost, covered, r.first)
		if r.part == nil {
			v.lost = addSpan(v.lost, r.first, r.first+r.count)
			if !slices.Contains(v.files, r.file) {
				v.files = append(v.files, r.file)
			}
		}
		covered = max(covered, r.first+r.count)
		v.ends = append(v.ends, covered)
		v.gaps = v.gaps || !covers(r.to, frame)
	}
	v.lost = addSpan(v.lost, covered, v.frames)
	seen := map[*Part]bool{nil: true}
	for _, m := range maps {
		if !seen[m.part] {
			seen[m.part] = true
			v.size += product(max(1, d.Type.Size), m.part.Shape)
			if d.chunk == nil && len(m.part.chunk) == len(d.Shape) {
				d.chunk = m.part.chunk
			}
		}
	}
}

// covers reports whether a rectangle is a complete frame.
func covers(rectangle []stretch, frame []int) bool {
	for axis, s := range rectangle {
		if s.count != frame[axis] {
			return false
		}
	}
	return true
}

// refuse is an error about the virtual dataset.
func (d *Dataset) refuse(found, expected string) error {
	return fault(d.file.path, d.Path, found, expected, "copy it into a dataset of its own, as h5repack can", nil)
}

// readElements reads elements first to first+count-1 in C order, of the library's type kind with size bytes, into dst.
func (v *virtual) readElements(d *Dataset, dst []byte, kind id, size, first, count int) error {
	n := max(1, int(product(1, d.Shape[len(d.Shape)-v.cell:]))) // of a frame
	from, to := first/n, (first+count+n-1)/n
	if from*n == first && to*n == first+count {
		return v.read(d, dst, kind, size, from, to-from)
	}
	whole := make([]byte, (to-from)*n*size)
	if err := v.read(d, whole, kind, size, from, to-from); err != nil {
		return err
	}
	copy(dst, whole[(first-from*n)*size:])
	return nil
}

// read reads frames first to first+count-1 into dst.
func (v *virtual) read(d *Dataset, dst []byte, kind id, size, first, count int) error {
	frame := d.Shape[len(d.Shape)-v.cell:]
	bytes := int(product(size, frame))
	if at, lost := v.lostIn(first, count); lost {
		files := cmp.Or(strings.Join(v.files[:min(4, len(v.files))], ", "), "some file")
		return fault(d.file.path, d.Path, fmt.Sprintf("frame %d, which no file holds", at), "a frame of "+files,
			"copy the missing files there", nil)
	}
	if v.gaps {
		fillWith(dst, d.file.library.ids, kind, v.fill)
	}
	i, _ := slices.BinarySearchFunc(v.runs, first, func(r run, first int) int { return cmp.Compare(r.first, first) })
	for i > 0 && v.ends[i-1] > first {
		i--
	}
	for _, r := range v.runs[i:] {
		if r.first >= first+count {
			break
		}
		from, to := max(first, r.first), min(first+count, r.first+r.count)
		if from >= to {
			continue
		}
		into := dst[(from-first)*bytes : (to-first)*bytes]
		if err := r.read(d, into, kind, size, frame, from, to); err != nil {
			return err
		}
	}
	return nil
}

// lostIn is the first lost frame of count frames.
func (v *virtual) lostIn(first, count int) (int, bool) {
	for _, s := range v.lost {
		if s.First < first+count && first < s.First+s.Count {
			return max(first, s.First), true
		}
	}
	return 0, false
}

// fillWith fills memory of one of the types that this package reads; complex values become 0.
func fillWith(dst []byte, ids ids, kind id, fill float64) {
	switch kind {
	case ids.float32:
		set(dst, float32(fill))
	case ids.float64:
		set(dst, fill)
	case ids.int64:
		set(dst, int64(fill))
	default:
		clear(dst)
	}
}

func set[T any](dst []byte, value T) {
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)/int(unsafe.Sizeof(value)))
	for i := range all {
		all[i] = value
	}
}

// read reads frames from to to-1 of the virtual dataset, which are in the run, into dst.
func (r run) read(d *Dataset, dst []byte, kind id, size int, frame []int, from, to int) error {
	source, err := d.file.tree.openPart(r.part)
	if err != nil {
		return err
	}
	cell := len(frame)
	own := source.Shape[len(source.Shape)-cell:]
	first, count := r.at+from-r.first, to-from
	if slices.Equal(own, frame) && covers(r.to, frame) {
		return source.readFrames(unsafe.Pointer(unsafe.SliceData(dst)), kind, cell, first, count)
	}
	raw := make([]byte, product(size, own))
	for i := range count {
		if err := source.readFrames(unsafe.Pointer(unsafe.SliceData(raw)), kind, cell, first+i, 1); err != nil {
			return err
		}
		copyRectangle(dst[i*len(dst)/count:], frame, r.to, raw, own, r.from, size)
	}
	return nil
}

// copyRectangle copies a rectangle of a frame of at most two axes into one of another frame.
func copyRectangle(dst []byte, dstFrame []int, to []stretch, src []byte, srcFrame []int, from []stretch, size int) {
	switch len(to) {
	case 0:
		copy(dst[:size], src)
	case 1:
		copy(dst[to[0].first*size:][:to[0].count*size], src[from[0].first*size:])
	default:
		for row := range to[0].count {
			into := ((to[0].first+row)*dstFrame[1] + to[1].first) * size
			at := ((from[0].first+row)*srcFrame[1] + from[1].first) * size
			copy(dst[into:into+to[1].count*size], src[at:])
		}
	}
}

// openPart opens a part, if it is not open.
func (t *tree) openPart(p *Part) (*Dataset, error) {
	if d := t.virtuals[p.key()]; d != nil {
		return d, nil
	}
	f, err := t.use(p.name, p.file)
	if err != nil {
		return nil, err
	}
	d, err := f.part(p.object, mostFiles)
	same := err == nil && len(d.Shape) == len(p.Shape) && slices.Equal(d.Shape[1:], p.Shape[1:])
	if err == nil && (!same || d.Shape[0] < p.Shape[0]) { // its writer may have added frames
		err = fault(f.path, p.object, fmt.Sprintf("shape %v, which was %v before", d.Shape, p.Shape),
			"a file that nobody writes", "read it again", nil)
	}
	return d, err
}

// part opens a dataset that a virtual one refers to, if it is not open. depth is that of openDataset.
func (f *File) part(object string, depth int) (*Dataset, error) {
	if d := f.parts[object]; d != nil {
		return d, nil
	}
	d, err := f.openDataset(object, object, depth)
	switch {
	case err != nil:
	case d.virtual != nil:
		f.tree.virtuals[(&Part{file: f.real, object: object}).key()] = d
	default:
		f.parts[object] = d
	}
	return d, err
}

func (p *Part) key() string { return p.file + "\x00" + p.object }
