package report

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// Reconstruction is an object as ptyx infer, solve, refine, watch or serve has written it. Whatever its file lacks is
// zero or nil, and the page leaves it out.
type Reconstruction struct {
	Name     string           // of its directory or file
	Object   *evaluate.Source // with its coverage and the centres of the patterns
	Settings string           // text of reconstruction.yaml

	spread         *ndarray.Float32   // (H, W)
	probe          *ndarray.Complex64 // (N, N) or (K, N, N)
	startX, startY []float64          // where the patterns were before a solver moved them, object pixels
	ids            []int64            // of the patterns in the scan
	residuals      []float64          // of each pass of a solver
	misfits        []float64          // of each pattern; nil: unknown
	frc            metrics.FRC        // of two halves of the scan; empty: unknown
	resolution     *ndarray.Float32   // (H, W), half period in pixels; nil: unknown
	pixelNM        float64            // width of a pixel; 0: unknown
	texts          map[string]string  // of the keys in textKeys
	residual       float64            // of the object; NaN: of a network, which computes none
	seed           string

	Reference *evaluate.Source // to compare the object with; nil: none
	Of        string           // file of the reference
}

// Keys of a reconstruction's file that only this page reads.
const (
	keyMethod, keyLikelihood      = "method", "likelihood"
	keyResidual, keyResiduals     = "residual", "residuals"
	keyMisfits                    = "pattern_residuals"
	keyDigest, keyProvider        = "model_digest", "provider"
	keySeed, keySpread, keyObject = "seed", "spread", "object"
)

func textKeys() []string {
	return []string{
		keyMethod, keyLikelihood, keyDigest, keyProvider, reconstruct.KeyFallback, reconstruct.KeyVersion,
	}
}

// Open reads the reconstruction at a path, its file or the directory with it. Faults of the file are *badinput.Error.
func Open(path string) (*Reconstruction, error) {
	object, err := evaluate.Load(path)
	if err != nil {
		return nil, err
	}
	if object.Key != keyObject {
		return nil, &badinput.Error{
			File: object.Path, Found: "a scan", Expected: "a reconstruction of ptyx infer, solve, refine or watch",
		}
	}
	file, err := npz.Open(object.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	r := &Reconstruction{
		Name: filepath.Base(filepath.Clean(path)), Object: object, residual: math.NaN(), texts: map[string]string{},
	}
	for _, read := range []func(*npz.Reader) error{
		r.readImages, r.readPositions, r.readSolver, r.readMeasures, r.readTexts,
	} {
		if err := read(file); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Reconstruction) fault(key, found, expected string) error {
	return &badinput.Error{File: r.Object.Path, Key: key, Found: found, Expected: expected}
}

// readImages reads the spread and the probe.
func (r *Reconstruction) readImages(file *npz.Reader) (err error) {
	if file.Has(keySpread) {
		if r.spread, err = file.Float32(keySpread); err != nil {
			return err
		}
		if len(r.spread.Data) != len(r.Object.Object.Data) {
			return r.fault(keySpread, fmt.Sprintf("shape %v", r.spread.Shape),
				fmt.Sprintf("%v, the object's", r.Object.Object.Shape))
		}
		r.spread = ndarray.Wrap(r.spread.Data, r.Object.Object.Shape...)
	}
	if !file.Has(dataset.KeyProbe) {
		return nil
	}
	if r.probe, err = file.Complex64(dataset.KeyProbe); err != nil {
		return err
	}
	shape := r.probe.Shape
	if d := len(shape); len(r.probe.Data) == 0 || d != 2 && d != 3 || shape[d-1] != shape[d-2] {
		return r.fault(dataset.KeyProbe, fmt.Sprintf("shape %v", shape), "(N, N) or (K, N, N)")
	}
	for _, v := range r.probe.Data {
		if !finite(float64(real(v))) || !finite(float64(imag(v))) {
			return r.fault(dataset.KeyProbe, fmt.Sprint(v), "finite values")
		}
	}
	return nil
}

// readPositions reads the starts of moved patterns and the numbers of all.
func (r *Reconstruction) readPositions(file *npz.Reader) error {
	for _, c := range []struct {
		key  string
		into *[]float64
	}{{dataset.KeyXStart, &r.startX}, {dataset.KeyYStart, &r.startY}} {
		if r.Object.Scan == nil || !file.Has(c.key) {
			continue
		}
		v, err := file.Float64s(c.key)
		if err != nil {
			return err
		}
		if len(v) != len(r.Object.Scan.X) {
			return r.fault(c.key, fmt.Sprintf("%d values", len(v)),
				fmt.Sprintf("%d, as many as %s", len(r.Object.Scan.X), dataset.KeyX))
		}
		if i := slices.IndexFunc(v, func(v float64) bool { return !finite(v) }); i >= 0 {
			return r.fault(c.key, fmt.Sprintf("%v at index %d", v[i], i), "finite positions in pixels")
		}
		*c.into = v
	}
	if !file.Has(dataset.KeyIndex) {
		return nil
	}
	ids, err := file.Int64s(dataset.KeyIndex)
	r.ids = ids
	return err
}

// readSolver reads what a solver states about its passes.
func (r *Reconstruction) readSolver(file *npz.Reader) (err error) {
	if file.Has(keyResiduals) {
		if r.residuals, err = file.Float64s(keyResiduals); err != nil {
			return err
		}
	}
	if file.Has(keyResidual) {
		v, err := file.Float64s(keyResidual)
		if err != nil {
			return err
		}
		if len(v) != 1 {
			return r.fault(keyResidual, fmt.Sprintf("%d values", len(v)), "one number")
		}
		r.residual = v[0]
	}
	if file.Has(keySeed) {
		v, err := file.Int64s(keySeed)
		if err != nil {
			return err
		}
		if len(v) != 1 {
			return r.fault(keySeed, fmt.Sprintf("%d values", len(v)), "one number")
		}
		r.seed = fmt.Sprint(uint64(v[0]))
	}
	return nil
}

func (r *Reconstruction) readTexts(file *npz.Reader) (err error) {
	for _, key := range textKeys() {
		if !file.Has(key) {
			continue
		}
		if r.texts[key], err = file.String(key); err != nil {
			return err
		}
	}
	return nil
}

// iterated reports whether a solver made the object, or changed it.
func (r *Reconstruction) iterated() bool { return r.texts[keyMethod] != "" }

// Page is the page of a reconstruction.
func (r *Reconstruction) Page() (*Page, error) {
	p := &Page{
		Name: r.Name, Kind: "Reconstruction by a network", Config: r.Settings, ConfigFile: "reconstruction.yaml",
		Curve: residualChart(r.residuals), Resolution: resolutionChart(r.frc),
		Facts: append(r.facts(), r.measures()...), Origins: r.origins(), Positions: r.positions(),
	}
	s := subject{
		object: r.Object.Object, coverage: r.Object.Coverage, spread: r.spread, row: r.Object.Row, col: r.Object.Col,
		modes: modesOf(r.probe), pixelNM: r.pixelNM, misfit: r.misfitMap(), resolution: r.resolution,
		spreadNote: patchSpread, probeNote: "Of the model.", probeUnit: "√photons",
	}
	if r.iterated() {
		p.Kind = "Reconstruction by iteration"
		if r.texts[keyDigest] != "" {
			p.Kind = "Reconstruction by a network, refined by iteration"
		}
		s.spreadNote = "How far the object that each single pattern asks for is from the object. No calibrated " +
			"error: blind to what all patterns get wrong alike."
		s.probeNote, s.probeUnit = "As the solver found it.", "in units of the patterns"
	} else {
		p.Caveat = "This result holds no residual: nothing on this page shows that the object explains the measured " +
			"patterns. A report about the run directory of the model compares patterns with predictions, with " +
			"--test-data for this scan. ptyx refine computes a residual."
	}
	if err := p.draw(s); err != nil {
		return nil, err
	}
	if r.Reference == nil {
		return p, nil
	}
	object, reference, err := evaluate.Common(r.Object, r.Reference)
	if err != nil {
		return nil, err
	}
	return p, p.compare(object.Image, reference.Image, r.Of, r.pixelNM)
}

// facts lists the numbers at the top of the page.
func (r *Reconstruction) facts() []Row {
	var rows []Row
	if r.Object.Scan != nil {
		rows = append(rows, Row{"patterns", fmt.Sprint(len(r.Object.Scan.X)), r.gaps()})
	}
	rows = append(rows, Row{
		"object", fmt.Sprintf("%d x %d", r.Object.Object.Shape[1], r.Object.Object.Shape[0]), r.pixels(),
	})
	if r.iterated() {
		noise := ""
		if l := r.texts[keyLikelihood]; l != "" {
			noise = ", noise model " + l
		}
		rows = append(rows,
			Row{"residual", number(r.residual), "sum (|F| - d)² / sum d² of this object; 0 is perfect"},
			Row{"passes", fmt.Sprint(len(r.residuals)), "of " + r.texts[keyMethod] + noise})
	}
	if r.probe != nil && len(r.probe.Shape) == 3 && r.probe.Shape[0] > 1 {
		rows = append(rows, Row{"probe", fmt.Sprintf("%d modes", r.probe.Shape[0]), "incoherent, the strongest first"})
	}
	if m := r.moves(); m != nil {
		rows = append(rows, Row{
			"positions moved", fmt.Sprintf("%.3g pixels", m.rms), fmt.Sprintf("RMS; the largest %.3g", m.largest),
		})
	}
	return rows
}

// pixels describes a pixel of the object.
func (r *Reconstruction) pixels() string {
	if s := r.Object.Scale; s != (frame.Scale{}) && s != frame.One {
		return fmt.Sprintf("pixels, each %.4g x %.4g of the scan's file", s.X, s.Y)
	}
	if r.pixelNM > 0 {
		return fmt.Sprintf("pixels of %.3g nm", r.pixelNM)
	}
	return "pixels"
}

// gaps says which indices of the scan are not in the object.
func (r *Reconstruction) gaps() string {
	if len(r.ids) == 0 {
		return ""
	}
	first, last := slices.Min(r.ids), slices.Max(r.ids)
	text := fmt.Sprintf("indices %d to %d of the scan", first, last)
	seen := map[int64]bool{}
	for _, id := range r.ids {
		seen[id] = true
	}
	if missing := last - first + 1 - int64(len(seen)); missing > 0 {
		text += fmt.Sprintf(", without %d of them", missing)
	}
	return text
}

// origins lists what the object was made from.
func (r *Reconstruction) origins() []Row {
	rows := []Row{
		{"ptyx", r.texts[reconstruct.KeyVersion], ""},
		{"computed on", r.texts[keyProvider], r.texts[reconstruct.KeyFallback]},
		{"model, SHA-256", r.texts[keyDigest], ""},
		{"seed", r.seed, ""},
	}
	rows = slices.DeleteFunc(rows, func(row Row) bool { return row.Value == "" })
	return append(rows, Row{"file", filepath.Base(r.Object.Path), ""})
}
