package convert

import (
	"fmt"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
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

// read reads a scan, or a file without patterns.
func read(path string, o Options) (*content, error) {
	file, err := source.Open(path, o.View.Library)
	if err != nil {
		return nil, err
	}
	scan := file.Has(source.Patterns) || file.Has(source.PatternsAlias)
	probe := file.Has(source.Probe)
	if !scan {
		defer file.Close()
		return readResult(file, o)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return readScan(path, probe, o)
}

// readScan reads a file with patterns.
func readScan(path string, probe bool, o Options) (*content, error) {
	scan, err := dataset.Open(path, dataset.Options{
		Input: o.Input, Orientation: o.Layout, View: o.View, ProbeFile: o.ProbeFile, NoProbe: !probe && o.ProbeFile == "", NoObject: o.ObjectFile != "", Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	c := &content{path: path, scan: scan, x: scan.X, y: scan.Y, probe: scan.Modes, object: scan.Object, geometry: scan.Geometry}
	for i := range c.x {
		c.index = append(c.index, int64(i))
	}
	if o.ObjectFile != "" {
		if err := c.objectOf(o.ObjectFile, o.View.Library); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// readResult reads a file of objects, probes and positions.
func readResult(file *source.Source, o Options) (*content, error) {
	if v := o.View; v.Crop.Size != 0 || v.Bin > 1 || v.FlipX || v.FlipY || v.SwapXY || v.PositionsFile != "" {
		return nil, &badinput.Error{File: file.Path(), Found: "no patterns", Expected: "a scan for --crop, --bin, --flip-x, --flip-y, --swap-xy and --positions-file",
			Remedy: "convert the scan, with this file as --object-file"}
	}
	c := &content{path: file.Path()}
	c.readGeometry(file.Facts, o.View)
	if err := c.readObject(file); err != nil {
		return nil, err
	}
	if err := c.readPositions(file, o.View); err != nil {
		return nil, err
	}
	if o.ObjectFile != "" {
		if err := c.objectOf(o.ObjectFile, o.View.Library); err != nil {
			return nil, err
		}
	}
	if o.ProbeFile == "" {
		return c, c.readProbe(file)
	}
	other, err := source.Open(o.ProbeFile, o.View.Library)
	if err != nil {
		return nil, fmt.Errorf("reading the probe: %w", err)
	}
	defer other.Close()
	if !other.Has(source.Probe) {
		return nil, &badinput.Error{File: o.ProbeFile, Key: source.Probe, Found: "no probe", Expected: "complex (N, N)"}
	}
	return c, c.readProbe(other)
}

// readGeometry takes what the flags say, else the file.
func (c *content) readGeometry(f source.Facts, v dataset.View) {
	or := func(flag, file float64) float64 {
		if flag != 0 {
			return flag
		}
		return file
	}
	micrometres, nanometres := 1e-6*v.DetectorPixelUM, 1e-9*v.PixelSizeNM
	c.geometry = dataset.Geometry{
		EnergyEV: or(v.EnergyEV, f.EnergyEV), DistanceM: or(v.DistanceM, f.DistanceM),
		DetectorPixelX: or(micrometres, f.DetectorPixelX), DetectorPixelY: or(micrometres, f.DetectorPixelY),
		PixelX: or(nanometres, f.PixelX), PixelY: or(nanometres, f.PixelY), Origin: f.Origin,
	}
}

// readObject reads the object, if there is one: of several slices, which only a product has, the first.
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
	if len(shape) != 2 || shape[0] == 0 || shape[1] == 0 {
		return &badinput.Error{File: file.Path(), Key: file.Place(source.Object), Found: fmt.Sprintf("shape %v", all.Shape), Expected: "one picture (H, W)",
			Remedy: "save a single slice"}
	}
	c.object = ndarray.Wrap(all.Data, shape...)
	c.row, c.col = file.Facts.Row, file.Facts.Col
	return nil
}

// objectOf takes the object of another file, which must lie in the same frame of pixels: a reconstruction of this scan, or a file whose
// positions are those of this one.
func (c *content) objectOf(path, library string) error {
	file, err := source.Open(path, library)
	if err != nil {
		return fmt.Errorf("reading the object: %w", err)
	}
	defer file.Close()
	if !file.Has(source.Object) {
		return &badinput.Error{File: path, Key: "--object-file", Found: "no object", Expected: "a reconstruction.npz, a scan with objectGuess, or a product"}
	}
	if err := c.readObject(file); err != nil {
		return err
	}
	if facts := file.Facts; facts.Metres {
		return c.moveObject(facts, path)
	}
	return nil
}

// moveObject finds, in whole pixels, where an object begins whose place is known in metres.
func (c *content) moveObject(f source.Facts, path string) error {
	g := c.geometry
	if f.Origin == nil || g.Origin == nil || g.PixelX == 0 {
		return &badinput.Error{File: path, Key: "--object-file", Found: "an object whose place in the scan is not known", Expected: "a reconstruction of this scan, or places in metres in both files"}
	}
	c.col = int(round((f.Origin.X - g.Origin.X) / g.PixelX))
	c.row = int(round((f.Origin.Y - g.Origin.Y) / g.PixelY))
	return nil
}

// readPositions reads the positions, if there are any, in pixels.
func (c *content) readPositions(file *source.Source, v dataset.View) error {
	if !file.Has(source.X) || !file.Has(source.Y) {
		return nil
	}
	facts := file.Facts
	var err error
	if c.x, err = file.Float64s(source.X); err != nil {
		return err
	}
	if c.y, err = file.Float64s(source.Y); err != nil {
		return err
	}
	if len(c.x) != len(c.y) || len(c.x) == 0 {
		return &badinput.Error{File: file.Path(), Key: file.Place(source.Y), Found: fmt.Sprintf("%d values", len(c.y)), Expected: fmt.Sprintf("as many as %s has, %d, and at least one", file.Place(source.X), len(c.x))}
	}
	if err := c.readIndex(file); err != nil {
		return err
	}
	if facts.Metres {
		sample := facts.SampleMotion
		if v.SampleMotion != nil {
			sample = *v.SampleMotion
		}
		if err := c.toPixels(file, sample); err != nil {
			return err
		}
	}
	const far = 1 << 31
	for i := range c.x {
		if !(abs(c.x[i]) < far && abs(c.y[i]) < far) { // in accept form: NaN fails
			return &badinput.Error{File: file.Path(), Key: file.Place(source.X), Found: fmt.Sprintf("(%v, %v) pixels at position %d", c.x[i], c.y[i], i), Expected: "finite positions"}
		}
	}
	return nil
}

// readIndex reads the numbers of the patterns that the positions are of.
func (c *content) readIndex(file *source.Source) error {
	if !file.Has(source.PositionIndex) {
		for i := range c.x {
			c.index = append(c.index, int64(i))
		}
		return nil
	}
	index, err := file.Int64s(source.PositionIndex)
	if err == nil && len(index) != len(c.x) {
		err = &badinput.Error{File: file.Path(), Key: file.Place(source.PositionIndex), Found: fmt.Sprintf("%d values", len(index)), Expected: fmt.Sprintf("%d, one for each position", len(c.x))}
	}
	c.index = index
	return err
}

// toPixels counts metres in pixels from the object's first one.
func (c *content) toPixels(file *source.Source, sample bool) error {
	g := c.geometry
	if g.PixelX == 0 || g.PixelY == 0 || g.Origin == nil {
		return &badinput.Error{File: file.Path(), Key: file.Place(source.X), Found: "metres, and nothing that tells where the object lies under them, or how wide its pixels are",
			Expected: "an object with its centre and the size of its pixels"}
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
	if r < 2 || ndarray.Size(shape) == 0 {
		return &badinput.Error{File: file.Path(), Key: file.Place(source.Probe), Found: fmt.Sprintf("shape %v", shape), Expected: "(N, N), or several modes of it"}
	}
	modes := 1
	if r > 2 {
		modes = shape[r-3]
	}
	size := modes * shape[r-2] * shape[r-1]
	c.probe = ndarray.Wrap(all.Data[:size], modes, shape[r-2], shape[r-1])
	return nil
}

// name is that of the file, without folder and extension: a title for what is made of it.
func (c *content) name() string {
	base := filepath.Base(c.path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
