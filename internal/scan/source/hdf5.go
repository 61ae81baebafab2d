package source

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// container is an HDF5 file whose layout has been recognised.
type container struct {
	file    *hdf5.File
	members map[string]member // by the contract's names
	facts   Facts
}

// member is an array: a dataset, or values that were made of one.
type member struct {
	place   string
	dataset *hdf5.Dataset // nil: values
	values  []float64     // (M,)
}

// layout recognises one kind of file and fills a container; found tells whether the file is of the kind.
type layout func(c *container) (found bool, err error)

// layouts are the kinds that are known, in the order in which they are tried.
var layouts = []layout{(*container).pinn, (*container).cxi, (*container).product, (*container).patterns}

// fromHDF5 finds out what an open file is.
func fromHDF5(file *hdf5.File, live bool) (Source, error) {
	for _, recognise := range layouts {
		c := &container{file: file, members: map[string]member{}}
		found, err := recognise(c)
		if err != nil {
			return nil, err
		}
		if found {
			c.facts.Live = live
			return c, nil
		}
	}
	names, err := file.Names("/")
	if err != nil {
		return nil, err
	}
	return nil, &badinput.Error{
		File: file.Path(), Found: "an HDF5 file with " + listed(names), Expected: "patterns under " + strings.Join(patternPlaces(), ", ") +
			", a CXI file's entry_1, or a ptychodus product", Remedy: "copy the patterns to one of these places, or link them there",
	}
}

// listed are names for a message.
func listed(names []string) string {
	const shown = 12
	switch {
	case len(names) == 0:
		return "nothing in it"
	case len(names) > shown:
		return strings.Join(names[:shown], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// find opens the dataset at the first path that there is; nil where there is none.
func (c *container) find(paths ...string) (path string, d *hdf5.Dataset, err error) {
	for _, path := range paths {
		there, err := c.file.Has(path)
		if err != nil {
			return path, nil, err
		}
		if there {
			d, err := c.file.Dataset(path)
			return path, d, err
		}
	}
	return "", nil, nil
}

// take makes the dataset at the first path that there is an array under a name.
func (c *container) take(key string, paths ...string) error {
	path, d, err := c.find(paths...)
	if err != nil || d == nil {
		return err
	}
	c.members[key] = member{place: path, dataset: d}
	return nil
}

// scalar reads a single number, if it is there.
func (c *container) scalar(into *float64, paths ...string) error {
	path, d, err := c.find(paths...)
	if err != nil || d == nil {
		return err
	}
	values, err := d.Float64s()
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return c.fault(path, "no value", "a number", "")
	}
	*into = values[0] // of a list, one for each pattern, the first
	return nil
}

func (c *container) fault(key, found, expected, remedy string) error {
	return &badinput.Error{File: c.file.Path(), Key: key, Found: found, Expected: expected, Remedy: remedy}
}

// pairs makes X and Y of a dataset of points, (2, M) or (M, 2 or 3), in a unit given in metres. A square one is (2, M), as NSLS-II
// writes it, unless byRow says that each row is a point.
func (c *container) pairs(path string, unit float64, byRow bool) error {
	d, err := c.file.Dataset(path)
	if err != nil {
		return err
	}
	s := d.Shape
	if len(s) == 2 && !byRow && s[0] != 2 && s[1] == 2 {
		byRow = true
	}
	if ok := len(s) == 2 && (byRow && (s[1] == 2 || s[1] == 3) || !byRow && s[0] == 2); !ok {
		expected := "(2, M) or (M, 2)"
		if byRow {
			expected = "(M, 3), a point for each pattern"
		}
		return c.fault(path, "shape "+npz.Header{Shape: s}.ShapeText(), expected, "")
	}
	all, err := d.Float64s()
	if err != nil {
		return err
	}
	m, step, next := s[1], 1, s[1]
	if byRow {
		m, step, next = s[0], s[1], 1
	}
	x, y := make([]float64, m), make([]float64, m)
	for i := range m {
		x[i], y[i] = unit*all[i*step], unit*all[i*step+next]
	}
	c.members[X], c.members[Y] = member{place: path, values: x}, member{place: path, values: y}
	c.facts.Metres = true
	return nil
}

// image reads a picture of detector size, if it is there: the mean of several.
func (c *container) image(paths ...string) (*ndarray.Float32, error) {
	path, d, err := c.find(paths...)
	if err != nil || d == nil {
		return nil, err
	}
	if len(d.Shape) < 2 || len(d.Shape) > 3 {
		return nil, c.fault(path, "shape "+npz.Header{Shape: d.Shape}.ShapeText(), "(H, W), or several of these", "")
	}
	all, err := d.Float32()
	if err != nil || len(d.Shape) == 2 {
		return all, err
	}
	return mean(all), nil
}

// mean averages along the first axis.
func mean(all *ndarray.Float32) *ndarray.Float32 {
	size := ndarray.Size(all.Shape[1:])
	sums := make([]float64, size)
	for i, v := range all.Data {
		sums[i%size] += float64(v)
	}
	out := ndarray.New[float32](all.Shape[1:]...)
	for i, v := range sums {
		out.Data[i] = float32(v / float64(all.Shape[0]))
	}
	return out
}

func (c *container) Path() string { return c.file.Path() }

func (c *container) Place(key string) string {
	if m, ok := c.members[key]; ok {
		return m.place
	}
	return key
}

func (c *container) Keys() []string {
	names, err := c.file.Names("/")
	if err != nil {
		return nil
	}
	for key, m := range c.members {
		if strings.Contains(strings.Trim(m.place, "/"), "/") && key != "" {
			names = append(names, strings.Trim(m.place, "/"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *container) Has(key string) bool { _, ok := c.members[key]; return ok }
func (c *container) Facts() Facts        { return c.facts }
func (c *container) Close() error        { return c.file.Close() }

// get finds an array that has to be there.
func (c *container) get(key string) (member, error) {
	m, ok := c.members[key]
	if !ok {
		return m, c.fault(key, "no array of this name", "one", "add it, or give another file")
	}
	return m, nil
}

// Header describes an array as numpy would; half precision counts as single, in which it is read.
func (c *container) Header(key string) (npz.Header, error) {
	m, err := c.get(key)
	switch {
	case err != nil:
		return npz.Header{}, err
	case m.dataset == nil:
		return npz.Header{Dtype: "<f8", Shape: []int{len(m.values)}}, nil
	}
	dtype := m.dataset.Type.Numpy()
	if m.dataset.Type.Class == hdf5.Float && m.dataset.Type.Size == 2 {
		dtype = "<f4"
	}
	return npz.Header{Dtype: dtype, Shape: slices.Clone(m.dataset.Shape)}, nil
}

// dataset finds an array that is a dataset.
func (c *container) dataset(key string) (*hdf5.Dataset, error) {
	m, err := c.get(key)
	if err == nil && m.dataset == nil {
		err = fmt.Errorf("source: %s of %s is read as more than a list", key, c.Path())
	}
	return m.dataset, err
}

func (c *container) Float32(key string) (*ndarray.Float32, error) {
	d, err := c.dataset(key)
	if err != nil {
		return nil, err
	}
	return d.Float32()
}

func (c *container) Float64s(key string) ([]float64, error) {
	m, err := c.get(key)
	switch {
	case err != nil:
		return nil, err
	case m.dataset == nil:
		return slices.Clone(m.values), nil
	}
	return m.dataset.Float64s()
}

func (c *container) Int64s(key string) ([]int64, error) {
	d, err := c.dataset(key)
	if err != nil {
		return nil, err
	}
	if d.Type.Class == hdf5.Integer {
		return d.Int64s()
	}
	values, err := d.Float64s() // whole numbers as floats are as good
	if err != nil {
		return nil, err
	}
	whole := make([]int64, len(values))
	for i, v := range values {
		if whole[i] = int64(v); float64(whole[i]) != v {
			return nil, c.fault(c.Place(key), fmt.Sprintf("%v at index %d", v, i), "whole numbers", "")
		}
	}
	return whole, nil
}

func (c *container) Complex64(key string) (*ndarray.Complex64, error) {
	d, err := c.dataset(key)
	if err != nil {
		return nil, err
	}
	return d.Complex64()
}

func (c *container) String(key string) (string, error) {
	d, err := c.dataset(key)
	if err != nil {
		return "", err
	}
	return d.Text()
}

// identity tells whether axes leave an array as it is.
func identity(axes []int) bool {
	for i, a := range axes {
		if a != i {
			return false
		}
	}
	return true
}

func (c *container) Stream(key string, axes ...int) (Stream, error) {
	d, err := c.dataset(key)
	if err != nil {
		return nil, err
	}
	if len(d.Shape) == 0 {
		return nil, c.fault(d.Path, "a single number", "an array", "")
	}
	if identity(axes) {
		return &rows{count: d.Shape[0], size: ndarray.Size(d.Shape[1:]), read: d.Rows}, nil
	}
	whole, err := d.Float32()
	if err != nil {
		return nil, err
	}
	permuted, err := transpose(whole, axes)
	if err != nil {
		return nil, c.fault(d.Path, "shape "+npz.Header{Shape: d.Shape}.ShapeText(), err.Error(), "")
	}
	size := ndarray.Size(permuted.Shape[1:])
	return &rows{count: permuted.Shape[0], size: size, read: func(dst []float32, first, count int) error {
		copy(dst, permuted.Data[first*size:(first+count)*size])
		return nil
	}}, nil
}

func (c *container) Pairs(key string) (Stream, error) {
	d, err := c.dataset(key)
	if err != nil {
		return nil, err
	}
	if len(d.Shape) == 0 {
		return nil, c.fault(d.Path, "a single number", "an array", "")
	}
	return &rows{count: d.Shape[0], size: 2 * ndarray.Size(d.Shape[1:]), read: complexRows(d)}, nil
}

// complexRows reads slices of a complex dataset as real and imaginary parts.
func complexRows(d *hdf5.Dataset) func(dst []float32, first, count int) error {
	return func(dst []float32, first, count int) error {
		values := make([]complex64, len(dst)/2)
		if err := d.RowsComplex(values, first, count); err != nil {
			return err
		}
		for i, v := range values {
			dst[2*i], dst[2*i+1] = real(v), imag(v)
		}
		return nil
	}
}

// slowChunk is how many slices of an array one chunk of the file may hold for reading single slices, each of which unpacks a
// whole chunk, to be worth it.
const slowChunk = 4

func (c *container) Direct(key string, axes ...int) (Direct, error) {
	d, err := c.dataset(key)
	if err != nil || !identity(axes) || d.ChunkRows() > slowChunk || len(d.Shape) == 0 {
		return nil, err
	}
	return single(d.Rows), nil
}

func (c *container) DirectPairs(key string) (Direct, error) {
	d, err := c.dataset(key)
	if err != nil || d.ChunkRows() > slowChunk || len(d.Shape) == 0 {
		return nil, err
	}
	return single(complexRows(d)), nil
}

// single reads one slice.
type single func(dst []float32, first, count int) error

func (s single) Read(i int, dst []float32) error { return s(dst, i, 1) }

// rows is a stream of slices.
type rows struct {
	count, size, at int
	read            func(dst []float32, first, count int) error
}

func (r *rows) Next(dst []float32) (int, error) {
	if r.at == r.count || r.size == 0 {
		return 0, io.EOF
	}
	n := min(r.count-r.at, len(dst)/r.size)
	if n == 0 {
		return 0, fmt.Errorf("source: a stream of slices of %d elements into a buffer of %d", r.size, len(dst))
	}
	if err := r.read(dst[:n*r.size], r.at, n); err != nil {
		return 0, err
	}
	r.at += n
	return n, nil
}

// Skip passes over n slices, or as many as are left.
func (r *rows) Skip(n int) { r.at = min(r.count, r.at+n) }

func (r *rows) Close() error { return nil }

// transpose permutes axes as numpy.transpose does.
func transpose(a *ndarray.Float32, axes []int) (*ndarray.Float32, error) {
	rank := len(a.Shape)
	strides := make([]int, rank)
	for axis, stride := rank-1, 1; axis >= 0; axis-- {
		strides[axis] = stride
		stride *= a.Shape[axis]
	}
	shape, steps, used := make([]int, rank), make([]int, rank), make([]bool, rank)
	if len(axes) != rank {
		return nil, fmt.Errorf("%d axes", len(axes))
	}
	for i, axis := range axes {
		if axis < 0 || axis >= rank || used[axis] {
			return nil, fmt.Errorf("axes that %v permutes", axes)
		}
		shape[i], steps[i], used[axis] = a.Shape[axis], strides[axis], true
	}
	out := ndarray.New[float32](shape...)
	at := make([]int, rank)
	from := 0
	for i := range out.Data {
		out.Data[i] = a.Data[from]
		for axis := rank - 1; axis >= 0; axis-- {
			at[axis]++
			from += steps[axis]
			if at[axis] < shape[axis] {
				break
			}
			from -= at[axis] * steps[axis]
			at[axis] = 0
		}
	}
	return out, nil
}
