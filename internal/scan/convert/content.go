package convert

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/resample"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
)

// content is what was read. Coordinates are columns and rows of the scan's own pixel frame.
type content struct {
	path     string
	scan     *dataset.Scan      // nil: no patterns
	x, y     []float64          // (M)
	index    []int64            // (M) numbers of the patterns
	probe    *ndarray.Complex64 // (P, N, N), or nil
	object   *ndarray.Complex64 // (H, W), or nil
	row, col int                // pixel of the frame on which the object begins
	geometry dataset.Geometry
}

func (c *content) close() {
	if c.scan != nil {
		_ = c.scan.Close() // read only: nothing can be lost
	}
}

// name is that of the file, without folder and extension.
func (c *content) name() string {
	base := filepath.Base(c.path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// read reads a scan, or a file without patterns.
func read(path string, o Options) (*content, error) {
	file, err := source.Open(path, o.View.Source(o.ProbeFile))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &content{path: path}
	if file.Has(source.Patterns) || file.Has(source.PatternsAlias) {
		err = c.readScan(file.Has(source.Probe), o)
	} else {
		err = c.readResult(file, o)
	}
	if err == nil && o.ObjectFile != "" {
		err = c.readObjectFile(o.ObjectFile, o.View.Library)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// readScan reads a file with patterns.
func (c *content) readScan(hasProbe bool, o Options) error {
	scan, err := dataset.Open(c.path, dataset.Options{
		Input: o.Input, Orientation: o.Layout, View: o.View, ProbeFile: o.ProbeFile,
		NoProbe: !hasProbe && o.ProbeFile == "", NoObject: o.ObjectFile != "", Log: o.Log,
	})
	if err != nil {
		return err
	}
	c.scan, c.x, c.y, c.probe, c.object, c.geometry = scan, scan.X, scan.Y, scan.Modes, scan.Object, scan.Geometry
	c.index = upTo(len(c.x))
	return nil
}

// readResult reads a file of objects, probes and positions.
func (c *content) readResult(file *source.Source, o Options) error {
	v := o.View
	if !v.Crop.IsZero() || v.Bin > 1 || v.FlipX || v.FlipY || v.SwapXY || v.PositionsFile != "" {
		return &badinput.Error{
			File: file.Path(), Found: "no patterns",
			Expected: "a scan for --crop, --bin, --flip-x, --flip-y, --swap-xy and --positions-file",
			Remedy:   "convert the scan, with this file as --object-file",
		}
	}
	c.geometry = v.Geometry(file.Facts)
	c.geometry.Origin = file.Facts.Origin
	if err := c.readObject(file); err != nil {
		return err
	}
	if err := c.readPositions(file, v); err != nil {
		return err
	}
	if o.ProbeFile == "" {
		return c.readProbe(file)
	}
	other, err := dataset.OpenProbe(o.ProbeFile, v.Library)
	if err != nil {
		return fmt.Errorf("reading the probe: %w", err)
	}
	defer other.Close()
	if !other.Has(source.Probe) {
		return &badinput.Error{File: o.ProbeFile, Key: source.Probe, Found: "no probe", Expected: "complex (N, N)"}
	}
	return c.readProbe(other)
}

// readObject reads the object, if there is one; a product with several slices is refused.
func (c *content) readObject(file *source.Source) error {
	if !file.Has(source.Object) {
		return nil
	}
	all, err := file.Complex64(source.Object)
	if err != nil {
		return err
	}
	shape := all.Shape
	for len(shape) > 2 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) != 2 || len(all.Data) == 0 {
		found := fmt.Sprintf("shape %v", all.Shape)
		return file.Fault(source.Object, found, "one picture (H, W)", "save a single slice")
	}
	c.object = ndarray.Wrap(all.Data, shape...)
	c.row, c.col = file.Facts.Row, file.Facts.Col
	return nil
}

// readObjectFile takes the object of another file, in the same frame of pixels: a reconstruction of this scan, or a
// file whose positions are those of this one.
func (c *content) readObjectFile(path, library string) error {
	file, err := source.Open(path, source.Options{Library: library})
	if err != nil {
		return fmt.Errorf("reading the object: %w", err)
	}
	defer file.Close()
	fault := func(found, expected string) error {
		return &badinput.Error{File: path, Key: "--object-file", Found: found, Expected: expected}
	}
	if !file.Has(source.Object) {
		return fault("no object", "a reconstruction.npz, a scan with objectGuess, or a product")
	}
	if err := c.readObject(file); err != nil {
		return err
	}
	if err := c.resample(file); err != nil || !file.Facts.Metres {
		return err
	}
	at, g := file.Facts.Origin, c.geometry
	if at == nil || g.Origin == nil || g.PixelX == 0 {
		return fault("an object without a known place in the scan",
			"a reconstruction of this scan, or places in metres in both files")
	}
	c.col = int(math.Round((at.X - g.Origin.X) / g.PixelX))
	c.row = int(math.Round((at.Y - g.Origin.Y) / g.PixelY))
	return nil
}

// resample brings the object of a file to the pixels of the scan's view.
func (c *content) resample(file *source.Source) error {
	if c.scan == nil || c.object == nil {
		return nil
	}
	by := c.scan.PixelScale.Per(file.PixelScale(c.scan.PixelScale, c.scan.N))
	if facts := file.Facts; facts.Metres { // which may be of any part of the detector
		if by = frame.One; facts.PixelX > 0 && facts.PixelY > 0 && c.geometry.PixelX > 0 && c.geometry.PixelY > 0 {
			by = frame.Scale{X: c.geometry.PixelX / facts.PixelX, Y: c.geometry.PixelY / facts.PixelY}
		}
	}
	const rounding = 1e-6 // of sizes in metres
	switch {
	case math.Abs(by.X-1) < rounding && math.Abs(by.Y-1) < rounding:
		return nil
	case by.X < 1-rounding || by.Y < 1-rounding:
		return &badinput.Error{
			File: file.Path(), Key: "--object-file",
			Found:    fmt.Sprintf("pixels of %.4g x %.4g of the scan's", 1/by.Y, 1/by.X),
			Expected: "pixels no larger than the scan's", Remedy: "give the --crop with which it was reconstructed",
		}
	}
	c.object, c.row, c.col = resample.Complex(c.object, c.row, c.col, by)
	return nil
}

// readPositions reads the positions, if there are any, in pixels.
func (c *content) readPositions(file *source.Source, v dataset.View) error {
	if !file.Has(source.X) || !file.Has(source.Y) {
		return nil
	}
	var err error
	if c.x, err = file.Float64s(source.X); err != nil {
		return err
	}
	if c.y, err = file.Float64s(source.Y); err != nil {
		return err
	}
	if len(c.x) != len(c.y) || len(c.x) == 0 {
		return file.Fault(source.Y, fmt.Sprintf("%d values", len(c.y)),
			fmt.Sprintf("as many as %s has, %d, and at least one", file.Place(source.X), len(c.x)), "")
	}
	if c.index = upTo(len(c.x)); file.Has(source.PositionIndex) {
		if c.index, err = file.Int64s(source.PositionIndex); err != nil {
			return err
		}
		if len(c.index) != len(c.x) {
			return file.Fault(source.PositionIndex, fmt.Sprintf("%d values", len(c.index)),
				fmt.Sprintf("%d, one for each position", len(c.x)), "")
		}
	}
	if file.Facts.Metres {
		if err := c.toPixels(file, v.BySample(file.Facts)); err != nil {
			return err
		}
	}
	const far = 1 << 31
	for i := range c.x {
		if !(math.Abs(c.x[i]) < far && math.Abs(c.y[i]) < far) { // in accept form: NaN fails
			return file.Fault(source.X, fmt.Sprintf("(%v, %v) pixels at position %d", c.x[i], c.y[i], i),
				"finite positions", "")
		}
	}
	return nil
}

// upTo are the numbers 0 to n-1.
func upTo(n int) []int64 {
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return numbers
}

// toPixels turns metres into pixels, counted from the object's first one. sample: they are positions of the sample.
func (c *content) toPixels(file *source.Source, sample bool) error {
	g := c.geometry
	if g.PixelX == 0 || g.PixelY == 0 || g.Origin == nil {
		return file.Fault(source.X,
			"positions in metres, but no place or pixel size of the object",
			"an object with its centre and the size of its pixels", "")
	}
	sense := 1.0
	if sample {
		sense = -1
	}
	for i := range c.x {
		c.x[i] = (sense*c.x[i] - g.Origin.X) / g.PixelX
		c.y[i] = (sense*c.y[i] - g.Origin.Y) / g.PixelY
	}
	return nil
}

// readProbe reads the modes of the probe, if there is one; of states (K, P, N, N) the first.
func (c *content) readProbe(file *source.Source) error {
	if !file.Has(source.Probe) {
		return nil
	}
	all, err := file.Complex64(source.Probe)
	if err != nil {
		return err
	}
	shape := all.Shape
	r := len(shape)
	if r < 2 || len(all.Data) == 0 {
		return file.Fault(source.Probe, fmt.Sprintf("shape %v", shape), "(N, N), or several modes of it", "")
	}
	modes := 1
	if r > 2 {
		modes = shape[r-3]
	}
	size := modes * shape[r-2] * shape[r-1]
	c.probe = ndarray.Wrap(all.Data[:size], modes, shape[r-2], shape[r-1])
	return nil
}
