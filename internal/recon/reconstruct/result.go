package reconstruct

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	"ptyx/stitch"
)

// Result is a reconstructed object in the scan's own pixel frame, that of its view.
type Result struct {
	Object   *ndarray.Complex64 // (H, W); 0 where no patch lies
	Coverage *ndarray.Float32   // (H, W), light in patches at the probe's peak
	Spread   *ndarray.Float32   // (H, W), how far overlapping patches disagree
	// Sigma is the estimated error of the real part, and of the imaginary part, (H, W): 68 % should be smaller. It is
	// nil if the network gives no variance.
	Sigma *ndarray.Float32
	// Refined is 1 where a solver has refined the object, and 0 where it is still the network's, (H, W). It is nil if
	// no solver worked on a scan that is still measured.
	Refined   *ndarray.Float32
	Row, Col  int       // of Object[0, 0] in the scan's frame
	X, Y      []float64 // centres of the patterns used
	IDs       []int64   // their indices in the scan
	Provider  string    // device that computed the patches
	Fallback  string    // why the CPU computed although auto found CUDA; empty: it did not
	Patches   int
	Fit       *Fit               // of the object to its patterns; nil: unknown
	Unturned  error              // why the patches that were kept could not be turned to one phase
	Untrended error              // why the patterns that show the object's trend could not be kept or read
	Skipped   []int              // patterns whose patch was left out, because it held a value that no object has
	Probe     *ndarray.Complex64 // (N, N) or (K, N, N); |FFT2(probe * object)|^2 / N^2 is in photons
	Extra     []npz.Member       // further members of ObjectFile, of a solver
	Scale     frame.Scale        // a pixel in pixels of the scan's file; zero: the complete detector, not binned
	Geometry  dataset.Geometry   // what is known of the experiment, without Origin
}

// fromSnapshot is the Result of a snapshot, without patterns. Its arrays are valid after Complete of the snapshot.
func fromSnapshot(s *stitch.Snapshot, provider string, probe *ndarray.Complex64) *Result {
	return &Result{
		Object: s.Object, Coverage: s.Coverage, Spread: s.Spread, Row: s.Row, Col: s.Col, Provider: provider,
		Probe: probe,
	}
}

// Look puts every step-th pixel of a part of the object into values (rows, cols), in C order: element (i, j) is the
// pixel (top + i step, left + j step) of the scan's frame. It leaves the values of pixels outside the object.
func (r *Result) Look(top, left, rows, cols, step int, values []complex64) {
	height, width := r.Object.Shape[0], r.Object.Shape[1]
	for i := range rows * cols {
		row, col := top+i/cols*step-r.Row, left+i%cols*step-r.Col
		if row >= 0 && row < height && col >= 0 && col < width {
			values[i] = r.Object.Data[row*width+col]
		}
	}
}

func (r *Result) addPattern(id int64, x, y float64) {
	r.X, r.Y, r.IDs = append(r.X, x), append(r.Y, y), append(r.IDs, id)
}

// Placed is a frame of an object, at (X, Y) in object pixels.
type Placed struct {
	ID   int64
	X, Y float64
}

// FromFrames is the Result of a canvas whose frames came one by one. It fixes the object of this moment, in a time that
// does not depend on the number of frames. complete computes the rest, also while further frames are added to the
// canvas and appended to the list; the Result is valid after it.
func FromFrames(
	canvas *stitch.Canvas, provider string, probe *ndarray.Complex64, frames []Placed,
) (r *Result, complete func()) {
	snapshot := canvas.Snapshot()
	r = fromSnapshot(snapshot, provider, probe)
	r.Patches = len(frames)
	return r, func() {
		snapshot.Complete()
		byID := func(a, b Placed) int { return cmp.Compare(a.ID, b.ID) }
		if !slices.IsSortedFunc(frames, byID) {
			frames = slices.Clone(frames)
			slices.SortFunc(frames, byID)
		}
		r.X, r.Y, r.IDs = make([]float64, len(frames)), make([]float64, len(frames)), make([]int64, len(frames))
		for i, p := range frames {
			r.X[i], r.Y[i], r.IDs[i] = p.X, p.Y, p.ID
		}
	}
}

// JoinProviders is the Provider of a Result that several devices computed.
func JoinProviders(names map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// The files of an output directory.
const (
	ObjectFile    = "reconstruction.npz"
	AmplitudeFile = "reconstructed_amplitude.png"
	PhaseFile     = "reconstructed_phase.png"
	SpreadFile    = "reconstructed_spread.png"   // how far overlapping patches disagree: no calibrated error
	SigmaFile     = "reconstructed_sigma.png"    // estimated error; only with Result.Sigma
	CoverageFile  = "reconstructed_coverage.png" // light on each pixel, of the whole canvas
)

// Members of ObjectFile.
const (
	KeyVersion  = "ptyx_version"
	KeyFallback = "device_fallback" // Result.Fallback; only after a fallback
	KeySigma    = "sigma"           // Result.Sigma; only with a network that gives the variance
	KeyPixelNM  = "pixel_size_nm"   // width of a pixel of the object in nanometres; only if known
	KeyRefined  = "refined"         // Result.Refined; only of ptyx watch --refine, during the scan
)

// Save writes the object with its provenance, and its pictures, at the same time. The object is saved as the network
// predicted it; its pictures show the phase without its ramp. After an error each file is either complete or unchanged.
// A result with numbers that are not finite is a *badinput.Error, and nothing is written.
func (r *Result) Save(dir, modelDigest string) error {
	if err := r.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0)) // more would take memory, and no less time
	if len(r.Object.Data) > maxConcurrent {
		g.SetLimit(1)
		debug.FreeOSMemory() // of the canvas, which is larger than all that follows
	}
	for _, write := range r.writers(dir, modelDigest) {
		g.Go(write)
	}
	return g.Wait()
}

// SaveInTurn writes the same files as Save, one after the other, in the goroutine that calls it: for a program that has
// more urgent work meanwhile.
func (r *Result) SaveInTurn(dir, modelDigest string) error {
	if err := r.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
	for _, write := range r.writers(dir, modelDigest) {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// writers are the functions that write the files.
func (r *Result) writers(dir, modelDigest string) []func() error {
	all := []func() error{func() error {
		if err := npz.Write(filepath.Join(dir, ObjectFile), r.members(modelDigest)); err != nil {
			return fmt.Errorf("writing the object: %w", err)
		}
		return nil
	}}
	for _, p := range r.Pictures() {
		all = append(all, func() error {
			if err := p.draw(filepath.Join(dir, p.File)); err != nil {
				return fmt.Errorf("drawing the %s: %w", p.What, err)
			}
			return nil
		})
	}
	return all
}

// maxConcurrent is the largest object, in pixels, whose files are written at the same time. For a larger one this would
// decide the memory of the complete run.
const maxConcurrent = 1 << 20

// members are the arrays of ObjectFile.
func (r *Result) members(modelDigest string) []npz.Member {
	members := []npz.Member{
		{Key: "object", Value: r.Object},
		{Key: "origin", Value: []int64{int64(r.Row), int64(r.Col)}},
		{Key: "coverage", Value: r.Coverage},
		{Key: "spread", Value: r.Spread},
		{Key: "xcoords", Value: r.X},
		{Key: "ycoords", Value: r.Y},
		{Key: "scan_index", Value: r.IDs},
		{Key: "model_digest", Value: modelDigest},
		{Key: KeyVersion, Value: version.String},
		{Key: "provider", Value: r.Provider},
	}
	if r.Sigma != nil {
		members = slices.Insert(members, 4, npz.Member{Key: KeySigma, Value: r.Sigma}) // behind the spread
	}
	if r.Refined != nil {
		members = append(members, npz.Member{Key: KeyRefined, Value: r.Refined})
	}
	if r.Fallback != "" {
		members = append(members, npz.Member{Key: KeyFallback, Value: r.Fallback})
	}
	if r.Probe != nil {
		members = append(members, npz.Member{Key: "probeGuess", Value: r.Probe})
	}
	if r.Scale != (frame.Scale{}) {
		members = append(members, npz.Member{Key: dataset.KeyPixelScale, Value: r.Scale.Rows()})
	}
	if nm := 1e9 * r.Geometry.PixelX; nm > 0 {
		members = append(members, npz.Member{Key: KeyPixelNM, Value: nm})
	}
	members = append(members, r.optics()...)
	return append(members, r.Extra...)
}

// optics are the parts of Geometry that are known, under the names of ptychodus, which ptyx convert reads.
func (r *Result) optics() (members []npz.Member) {
	g := r.Geometry
	for _, m := range []struct {
		key   string
		value float64
	}{
		{source.KeyEnergy, g.EnergyEV}, {source.KeyDistance, g.DistanceM},
		{source.KeyDetectorPixelX, g.DetectorPixelX}, {source.KeyDetectorPixelY, g.DetectorPixelY},
		{source.KeyPixelX, g.PixelX}, {source.KeyPixelY, g.PixelY},
	} {
		if m.value > 0 {
			members = append(members, npz.Member{Key: m.key, Value: m.value})
		}
	}
	return members
}

// Encode writes the bytes of ObjectFile to w, or refuses a result as Save does.
func (r *Result) Encode(w io.Writer, modelDigest string) error {
	if err := r.check(); err != nil {
		return err
	}
	return npz.WriteTo(w, r.members(modelDigest))
}

// Picture is one of the files that Save writes beside the object.
type Picture struct {
	File, What string
	Panel      func() (*render.Panel, error)
}

// Pictures are all of them.
func (r *Result) Pictures() []Picture {
	view := render.View{Row: r.Row, Col: r.Col, Coverage: r.Coverage}
	all := render.View{Row: r.Row, Col: r.Col} // with the border that the other pictures leave out
	pictures := []Picture{
		{AmplitudeFile, "amplitude", func() (*render.Panel, error) { return render.AmplitudePanel(r.Object, view) }},
		{PhaseFile, "phase", func() (*render.Panel, error) { return render.PhasePanel(r.Object, view) }},
		{SpreadFile, "spread", func() (*render.Panel, error) {
			return render.MapPanel(r.Spread, view, "disagreement of overlapping patches")
		}},
		{CoverageFile, "coverage", func() (*render.Panel, error) {
			return render.MapPanel(r.Coverage, all, "coverage (patches at the probe's peak)")
		}},
	}
	if r.Sigma != nil {
		pictures = append(pictures, Picture{SigmaFile, "sigma", func() (*render.Panel, error) {
			return render.MapPanel(r.Sigma, view, "error (estimated), 68 % are smaller")
		}})
	}
	return pictures
}

// Panel is one of the pictures, by its name.
func (r *Result) Panel(what string) (*render.Panel, error) {
	for _, p := range r.Pictures() {
		if p.What == what {
			return p.Panel()
		}
	}
	return nil, fmt.Errorf("no picture %q", what)
}

// draw writes the picture's file.
func (p Picture) draw(path string) error {
	panel, err := p.Panel()
	if err != nil {
		return err
	}
	return render.Sheet(path, [][]render.Cell{{panel}})
}
