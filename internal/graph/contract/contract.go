// Package contract is the data contract that a model file carries in its metadata: the input, the outputs, the place of
// a patch, and the training data. Package export writes it. Load reads a model with its contract, Describe describes a
// file for `ptyx inspect`. Neither needs ONNX Runtime. docs/contract.md is the contract for users of the file.
package contract

import (
	"fmt"
	"slices"
	"strconv"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// Contract is everything that a consumer of a model has to know.
type Contract struct {
	PtyxVersion  string
	N            int    // pattern and patch size in pixels
	Gridsize     int    // of the training: samples were Gridsize^2 neighbouring patterns
	Channels     int    // patterns that the model takes at once, C: 1 or Gridsize^2
	FiltersScale int    // width of the network
	Network      string // one of Networks
	ObjectExtent string // "centre" or "full"
	// content of the training file: "amplitude", "intensity", "mixed", or Simulated; the model takes amplitudes
	TrainingInput string
	InputScale    float64 // normalisation inside the graph
	AmplitudeMax  float64 // of the network's head; corrections of an estimate may exceed it
	Photons       float64 // mean photons per pattern of the training data
	ProbeDigest   string  // SHA-256 of the probe's bytes
	// SHA-256 of patterns, positions and probe of the training; one for each scan, with blanks between
	DataDigest     string
	Samples        string // simulated patterns that a general model was trained on; empty: it was trained on scans
	Seed           uint64
	Epochs         int
	Loss           string  // minimised: "poisson", "mae", a weighted sum "poisson + 0.1 mae"; "mae, supervised"
	TrainLoss      float64 // of the last epoch; NaN without one
	ValLoss        float64 // NaN without validation patterns
	Engine, Device string  // of the training
	Fallback       string  // why it ran on the CPU although auto found CUDA; empty: it did not
	Variance       bool    // the model has an output for the variance; no metadata hold it, Parse sees it in the graph

	// Probe is (N, N), of the first scan: |FFT2(probe * object)|^2 / N^2 is in photons.
	Probe *ndarray.Complex64
}

// Simulated is the TrainingInput of a general model, which was trained on simulated experiments and no scan.
const Simulated = "simulated"

// General reports whether the model was trained on simulated experiments and no scan.
func (c Contract) General() bool { return c.TrainingInput == Simulated }

// Networks are the names that Contract.Network may have. Package models holds the networks themselves; no model is
// trained as "estimate" any more, but files of that network are still run.
func Networks() []string { return []string{"unrolled", "pattern", "estimate"} }

// TakesProbe reports whether the model takes the probe and the subpixel part of the position as inputs with a default.
func (c Contract) TakesProbe() bool { return c.Network == "unrolled" }

// Cartesian reports whether the outputs are the real and the imaginary part of the object, and not its amplitude and
// phase.
func (c Contract) Cartesian() bool { return c.Network == "unrolled" }

// Sentences of the contract that are the same for every model. A model with others takes other patterns, or its patches
// belong elsewhere, so Parse refuses it.
const (
	inputKind  = "amplitude: square root of the photon counts, zero frequency at [N/2, N/2], not normalised"
	pixelFrame = "x = column, y = row, in object pixels; the patch of a pattern centred at (x, y) covers " +
		"rows [round(y)-N/2, round(y)+N/2) and columns [round(x)-N/2, round(x)+N/2)"
)

// Keys that are used outside of the table.
const (
	keyVersion     = "ptyx.version"
	keyChannels    = "ptyx.channels"
	keyProbe       = "ptyx.probe_complex64_base64"
	keyProbeDigest = "ptyx.probe_sha256"
	keyDevice      = "ptyx.device"
	keyFallback    = "ptyx.device_fallback" // optional: it is there only after a fallback
	keySamples     = "ptyx.samples"         // optional: it is there only in a general model
)

// field is a metadata key of the contract, bound to its value.
type field struct {
	key   string
	kind  string // in docs/contract.md
	value value
}

// fields is the table of the required keys, in the order in which a file holds them.
func (c *Contract) fields() []field {
	return []field{
		{keyVersion, "text", text(&c.PtyxVersion)},
		{"ptyx.n", "integer", size(&c.N, 1024)},
		{"ptyx.gridsize", "integer", size(&c.Gridsize, 16)},
		{keyChannels, "integer", size(&c.Channels, 256)},
		{"ptyx.n_filters_scale", "integer", size(&c.FiltersScale, 64)},
		{"ptyx.network", "text", oneOf(&c.Network, Networks()...)},
		{"ptyx.object_extent", "text", oneOf(&c.ObjectExtent, "centre", "full")},
		{"ptyx.input", "sentence", sentence(inputKind)},
		{"ptyx.training_input", "text", text(&c.TrainingInput)},
		{"ptyx.input_scale", "number", positive(&c.InputScale)},
		{"ptyx.amplitude_max", "number", positive(&c.AmplitudeMax)},
		{"ptyx.photons", "number", positive(&c.Photons)},
		{"ptyx.pixel_frame", "sentence", sentence(pixelFrame)},
		{keyProbe, "base64", probe(&c.Probe, &c.N)},
		{keyProbeDigest, "hex", text(&c.ProbeDigest)},
		{"ptyx.data_sha256", "hex", text(&c.DataDigest)},
		{"ptyx.seed", "integer", seed(&c.Seed)},
		{"ptyx.epochs", "integer", count(&c.Epochs)},
		{"ptyx.loss", "text", text(&c.Loss)},
		{"ptyx.train_loss", "number", number(&c.TrainLoss)},
		{"ptyx.val_loss", "number", number(&c.ValLoss)},
		{"ptyx.engine", "text", text(&c.Engine)},
		{keyDevice, "text", text(&c.Device)},
	}
}

// Properties are the metadata of a model file, in a fixed order.
func (c Contract) Properties() []onnxir.Property {
	var properties []onnxir.Property
	for _, f := range c.fields() {
		if f.key == keyDevice { // a required key comes last: without it, the file was cut off
			properties = append(properties, c.optional()...)
		}
		properties = append(properties, onnxir.Property{Key: f.key, Value: f.value.format()})
	}
	return properties
}

// optional are the metadata that not every model has.
func (c Contract) optional() (properties []onnxir.Property) {
	for _, p := range []onnxir.Property{{Key: keySamples, Value: c.Samples}, {Key: keyFallback, Value: c.Fallback}} {
		if p.Value != "" {
			properties = append(properties, p)
		}
	}
	return properties
}

// Parse reads the contract of a model. A missing key or a value that makes no sense is a *badinput.Error without a file
// name.
func Parse(m *onnxir.Model) (Contract, error) {
	if _, ok := m.Property(keyVersion); !ok {
		return Contract{},
			&badinput.Error{Key: keyVersion, Found: "no such metadata", Expected: "a model written by ptyx",
				Remedy: "train one with ptyx train --export"}
	}
	texts := map[string]string{}
	for _, p := range m.Metadata {
		if _, twice := texts[p.Key]; twice { // readers differ in which value they take
			return Contract{}, fault(p.Key, "two values", "one")
		}
		texts[p.Key] = p.Value
	}
	var c Contract
	for _, f := range c.fields() {
		if texts[f.key] == "" {
			return Contract{}, fault(f.key, "nothing", "a value")
		}
		if expected := f.value.parse(texts[f.key]); expected != "" {
			return Contract{}, fault(f.key, fmt.Sprintf("%.40q", texts[f.key]), expected)
		}
	}
	c.Samples, c.Fallback = texts[keySamples], texts[keyFallback]
	c.Variance = c.Cartesian() && slices.ContainsFunc(m.Graph.Outputs, func(out onnxir.ValueInfo) bool {
		return out.Name == LogVarianceOutput
	})
	if square := c.Gridsize * c.Gridsize; c.Channels != 1 && c.Channels != square {
		return Contract{},
			fault(keyChannels, strconv.Itoa(c.Channels), fmt.Sprintf("1 or %d, the square of the gridsize", square))
	}
	if sum := optics.ProbeDigest(c.Probe); sum != c.ProbeDigest {
		return Contract{}, fault(keyProbe, "a probe of SHA-256 "+sum, "that of "+keyProbeDigest)
	}
	return c, nil
}

func fault(key, found, expected string) error {
	return &badinput.Error{Key: "metadata " + key, Found: found, Expected: expected,
		Remedy: "the file is damaged or was edited; export it again"}
}
