package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/recon/guess"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// Values of a ProbeChoice beside the path of a file.
const (
	ModelProbe = "model" // that the model carries
	ScanProbe  = "scan"  // that the scan carries
)

// ProbeChoice is the probe with which a network reconstructs.
type ProbeChoice struct {
	From   string // ModelProbe, ScanProbe or a file; empty: ModelProbe
	Passes int    // calibrating passes on the scan; 0: none
}

func (p ProbeChoice) check() error {
	if p.Passes < 0 {
		return &badinput.Error{
			Key: "--probe-passes", Found: fmt.Sprint(p.Passes), Expected: "0 (none) or a number of passes",
		}
	}
	return nil
}

// ofModel reports whether the network keeps the probe of its model.
func (p ProbeChoice) ofModel() bool { return p.Passes == 0 && p.fromModel() }

func (p ProbeChoice) fromModel() bool { return p.From == "" || p.From == ModelProbe }

// read adds to the options of a scan where its probe comes from.
func (p ProbeChoice) read(o dataset.Options) dataset.Options {
	o.NoProbe = p.fromModel()
	if !o.NoProbe && p.From != ScanProbe {
		o.ProbeFile = p.From
	}
	return o
}

// network is a model's file and its contract.
type network struct {
	file     []byte
	contract contract.Contract
	extra    []npz.Member // of the result: the probe, if it is not the model's
}

// loadNetwork reads a model file or, by its name, the general network.
func loadNetwork(path string) (n network, err error) {
	size, err := generalSize(path)
	switch {
	case err != nil:
		return n, err
	case size > 0:
		n.file, n.contract, err = general.Model(size)
	default:
		n.file, _, n.contract, err = contract.Load(path)
	}
	return n, ofFile(err, path)
}

// usualSize is the size of patterns of the general network that is named without one.
const usualSize = 64

// generalSize is the size of patterns in the name of the general network, general or general:N; 0 for any other path.
func generalSize(path string) (int, error) {
	name, size, named := strings.Cut(path, ":")
	switch {
	case name != general.Name:
		return 0, nil
	case !named:
		return usualSize, nil
	}
	n, err := strconv.Atoi(size)
	if err != nil || n < 1 {
		return 0, &badinput.Error{
			File: path, Found: fmt.Sprintf("the size %q", size), Expected: "a number of pixels, as in general:128",
		}
	}
	return n, nil
}

// loadModel reads a model file or, by its name, the general network for patterns of n pixels.
func loadModel(path string, n int) (file []byte, c contract.Contract, err error) {
	if path == general.Name {
		return general.Model(n)
	}
	file, _, c, err = contract.Load(path)
	return file, c, err
}

// generalNetwork is the general network for the patterns of a scan.
func generalNetwork(scan *dataset.Scan) (n network, err error) {
	n.file, n.contract, err = general.Model(scan.N)
	return n, ofFile(err, scan.Path)
}

// noGeneralProbe is the error for a general network that is to reconstruct with the probe of its file.
func noGeneralProbe(expected string) error {
	return &badinput.Error{
		Key: "--probe", Found: "no probe of a model: the general network has none of its own", Expected: expected,
	}
}

// taking reads the model and its default probe, and refuses one that does not take the probe.
func (n *network) taking() (model *onnxir.Model, probe *ndarray.Complex64, err error) {
	if model, err = onnxir.Unmarshal(n.file); err != nil {
		return nil, nil, fmt.Errorf("reading the model: %w", err)
	}
	probe, err = contract.DefaultProbe(model, n.contract)
	return model, probe, err
}

// use makes a probe, scaled to a power, that of the network. source says where it is from.
func (n *network) use(model *onnxir.Model, probe *ndarray.Complex64, power float64, source string) (err error) {
	probe = probe.Clone()
	optics.NormalisePower(probe, power)
	if n.contract, err = contract.WithProbe(model, probe); err != nil {
		return err
	}
	n.file = model.Marshal()
	n.extra = reconstruct.NetworkProbe(source, n.contract.Probe)
	return nil
}

// apply gives the network the chosen probe for a scan that was opened with read. Its power is that of a mean pattern,
// as in a training: an empty object then has the mean intensity of the scan. An engine of these options calibrates it.
func (p ProbeChoice) apply(
	ctx context.Context, n *network, scan *dataset.Scan, seed uint64, o engine.Options, log *slog.Logger,
) (err error) {
	if p.ofModel() {
		return n.expose(scan, log)
	}
	model, before, err := n.taking()
	if err != nil {
		return err
	}
	if err := reconstruct.Fits(scan, n.contract); err != nil {
		return err
	}
	probe, source := scan.Probe, p.From
	if p.fromModel() {
		probe, source = before, ModelProbe
	}
	if p.Passes > 0 {
		start, err := guess.Better(ctx, scan, probe, seed, "--probe-passes 0", log)
		if err != nil {
			return ofFile(err, scan.Path)
		}
		if start != probe {
			source += ", replaced by one from the patterns"
		}
		calibrated, err := p.calibrated(ctx, scan, start, seed, o, log)
		if err != nil {
			return err
		}
		if calibrated.Focus != 0 {
			source += fmt.Sprintf(", another focus by %.2f rad", calibrated.Focus)
		}
		if !calibrated.Kept {
			source += fmt.Sprintf(", %d calibrating passes", p.Passes)
		}
		probe = calibrated.Probe
	}
	power, err := scan.MeanPower()
	if err != nil {
		return err
	}
	return n.use(model, probe, power, source)
}

// The first patterns show whether a scan has another exposure than the training.
const (
	exposedPatterns = 256
	exposedPixels   = 1 << 21 // of these patterns at most: 8 MB
)

// expose scales the model's probe to the exposure of a scan that differs from the training's. The network divides by
// the probe's power, so it would take a brighter scan for a more transparent object.
func (n *network) expose(scan *dataset.Scan, log *slog.Logger) error {
	if !n.contract.TakesProbe() || scan.N != n.contract.N {
		return nil // what follows refuses another size
	}
	model, probe, err := n.taking()
	if err != nil {
		return err
	}
	first, err := powerOfTheFirst(scan)
	if err != nil || first == 0 {
		return err // a scan without light is refused later
	}
	if ratio := first / optics.Power(probe); ratio < reconstruct.OtherExposure && ratio > 1/reconstruct.OtherExposure {
		return nil
	}
	power, err := scan.MeanPower()
	if err != nil {
		return err
	}
	log.Info("the scan has another exposure than the training: the model's probe is scaled to it", "scan", scan.Path,
		"exposure", fmt.Sprintf("%.3g", power/optics.Power(probe)))
	return n.use(model, probe, power, ModelProbe+reconstruct.ScaledSource)
}

// powerOfTheFirst is the mean power of the first patterns with light; 0 if none has any.
func powerOfTheFirst(scan *dataset.Scan) (float64, error) {
	count := min(scan.M, exposedPatterns, max(1, exposedPixels/(scan.N*scan.N)))
	ids := make([]int, count)
	for i := range ids {
		ids[i] = i
	}
	patterns, err := scan.LoadSelected(ids)
	if err != nil {
		return 0, err
	}
	image, sum, lit := scan.N*scan.N, 0.0, 0
	for i := range count {
		power := 0.0
		for _, d := range patterns.Data[i*image : (i+1)*image] {
			power += float64(d) * float64(d)
		}
		if power > 0 {
			sum, lit = sum+power, lit+1
		}
	}
	return sum / float64(max(1, lit)), nil
}

// applyFile gives the network the probe of a file for a scan that is still measured. Its power becomes that of the
// model's probe, until the first frames show the exposure.
func (p ProbeChoice) applyFile(n *network, library string, log *slog.Logger) error {
	if p.ofModel() {
		return nil
	}
	if p.From == ScanProbe {
		return &badinput.Error{
			Key: "--probe", Found: ScanProbe, Expected: "model, or a file with a probe",
			Remedy: "name a file of the scan that holds its probe",
		}
	}
	model, before, err := n.taking()
	if err != nil {
		return err
	}
	probe, err := dataset.ReadProbe(p.From, n.contract.N, library, log)
	if err != nil {
		return ofProbe(err)
	}
	return n.use(model, probe, optics.Power(before), p.From)
}

// calibrated fits a probe to the patterns in the middle of a scan.
func (p ProbeChoice) calibrated(
	ctx context.Context, scan *dataset.Scan, probe *ndarray.Complex64, seed uint64, o engine.Options, log *slog.Logger,
) (*solve.Calibration, error) {
	problem := solve.Problem{Measured: scan.Measured, Probe: probe}
	ids := solve.Central(scan.X, scan.Y, solve.CalibrationPatterns(scan.N))
	for _, i := range ids {
		problem.X, problem.Y = append(problem.X, scan.X[i]), append(problem.Y, scan.Y[i])
	}
	patterns, err := scan.LoadSelected(ids)
	if err != nil {
		return nil, err
	}
	problem.Patterns = solve.Amplitudes{Float32: patterns}
	e, release, err := o.Open()
	if err != nil {
		return nil, err
	}
	c, err := solve.Calibrate(ctx, problem, p.Passes, seed, o.ThreadCount(), e)
	if err = errors.Join(err, release()); err != nil {
		return nil, ofFile(fmt.Errorf("calibrating the probe: %w", err), scan.Path)
	}
	c.Log(log, scan.Path, scan.Geometry.Sampling(scan.N))
	return c, nil
}

// leastLikeness is the likeness of two probes below which a network that is given the wrong one loses much of its
// correlation. docs/dev/decisions.md has it for zone plates of other widths than that of the training.
const leastLikeness = 0.9

// noteOwnProbe gives a scan that was opened without its probe the one in its file, if it has a usable one. Nothing
// reconstructs with it: warnIfUnlike compares it, and it belongs to the digest by which a training names its scans.
func noteOwnProbe(scan *dataset.Scan, read dataset.Options) {
	read.NoProbe, read.NoObject, read.NoPositions, read.Log = false, true, true, nil
	if read.View.Crop.Auto {
		read.View.Crop = scan.Crop
	}
	own, err := dataset.Open(scan.Path, read)
	if err != nil {
		return // the scan is reconstructed with another probe
	}
	defer own.Close()
	scan.Probe = own.Probe
}

// warnIfUnlike warns if the scan's own probe is unlike that of a network which was not trained on this scan.
func warnIfUnlike(scan *dataset.Scan, c contract.Contract, log *slog.Logger) error {
	likeness := ownLikeness(scan, c, log)
	if likeness >= leastLikeness {
		return nil
	}
	digest, err := scan.ContentDigest()
	if err != nil || slices.Contains(strings.Fields(c.DataDigest), digest) {
		return err
	}
	remedy := fmt.Sprintf("try --probe scan --probe-passes %d", solve.CalibrationPasses)
	if !c.TakesProbe() {
		remedy = "train on this scan, or with a network that takes the probe"
	}
	log.Warn("the scan's own probe is unlike that of the model, and the model was not trained on this scan: "+remedy,
		"scan", scan.Path, "likeness", fmt.Sprintf("%.2f", likeness))
	return nil
}

// ownLikeness is the likeness of a scan's own probe and the model's, 1 if the scan has none.
func ownLikeness(scan *dataset.Scan, c contract.Contract, log *slog.Logger) float64 {
	if scan.Probe == nil {
		return 1
	}
	likeness, _ := optics.Likeness(scan.Probe, c.Probe)
	log.Debug("probes compared", "scan", scan.Path, "likeness", likeness)
	return likeness
}

// ofProbe puts the flag of a ProbeChoice into an input error about the file of a probe.
func ofProbe(err error) error {
	var bad *badinput.Error
	if errors.As(err, &bad) {
		bad.Remedy = strings.ReplaceAll(bad.Remedy, "--probe-file", "--probe")
	}
	return err
}
