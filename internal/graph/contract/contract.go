// Package contract is the data contract that a model file carries in its metadata: what to feed, what comes out, what it
// was trained on. Package export writes it, inference and inspection read it; it knows nothing of graphs or runtimes.
// docs/contract.md is its table.
package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// Contract is everything that a consumer of a model has to know.
type Contract struct {
	PtyxVersion    string
	N              int                // pattern and patch size in pixels
	Gridsize       int                // of the training: samples were Gridsize^2 neighbouring patterns
	Channels       int                // patterns that the model takes at once, C
	FiltersScale   int                // of the network
	Network        string             // what the network is shown: "estimate" (of the object, made with the probe) or "pattern"
	ObjectExtent   string             // "centre" or "full"
	TrainingInput  string             // what the training file held: "amplitude", "intensity", of several files "mixed"; the model is fed amplitudes
	InputScale     float64            // normalisation inside the graph
	AmplitudeMax   float64            // of the network's head; corrections of an estimate may pass it
	Photons        float64            // mean photons per pattern of the training data
	Probe          *ndarray.Complex64 // (N, N), of the first scan; |FFT2(probe * object)|^2 / N^2 is in photons
	ProbeDigest    string             // SHA-256 of the probe's bytes
	DataDigest     string             // SHA-256 of patterns, positions and probe of the training; of several scans one after the other, with blanks
	Seed           uint64
	Epochs         int
	Loss           string  // what was minimised: "poisson", "mae", a weighted sum "poisson + 0.1 mae"; "mae, supervised"
	TrainLoss      float64 // of the last epoch; NaN if there was none
	ValLoss        float64 // NaN without validation
	Engine, Device string  // what trained it
}

// Sentences of the contract that are the same for every model. A model that says otherwise wants other patterns, or its
// patches belong elsewhere, so Parse refuses it.
const (
	inputKind  = "amplitude: square root of the photon counts, zero frequency at [N/2, N/2], not normalised"
	pixelFrame = "x = column, y = row, in object pixels; the patch of a pattern centred at (x, y) covers rows [round(y)-N/2, round(y)+N/2) and columns [round(x)-N/2, round(x)+N/2)"
)

// Networks are the names that Network may have. Package models holds the networks themselves.
func Networks() []string { return []string{"estimate", "pattern"} }

// Keys of the metadata.
const (
	keyVersion       = "ptyx.version"
	keyN             = "ptyx.n"
	keyGridsize      = "ptyx.gridsize"
	keyChannels      = "ptyx.channels"
	keyFiltersScale  = "ptyx.n_filters_scale"
	keyNetwork       = "ptyx.network"
	keyExtent        = "ptyx.object_extent"
	keyInput         = "ptyx.input"
	keyTrainingInput = "ptyx.training_input"
	keyInputScale    = "ptyx.input_scale"
	keyAmplitudeMax  = "ptyx.amplitude_max"
	keyPhotons       = "ptyx.photons"
	keyFrame         = "ptyx.pixel_frame"
	keyProbe         = "ptyx.probe_complex64_base64"
	keyProbeDigest   = "ptyx.probe_sha256"
	keyDataDigest    = "ptyx.data_sha256"
	keySeed          = "ptyx.seed"
	keyEpochs        = "ptyx.epochs"
	keyLoss          = "ptyx.loss"
	keyTrainLoss     = "ptyx.train_loss"
	keyValLoss       = "ptyx.val_loss"
	keyEngine        = "ptyx.engine"
	keyDevice        = "ptyx.device"
)

// Properties are the metadata of a model file, in a fixed order.
func (c Contract) Properties() []onnxir.Property {
	return []onnxir.Property{
		{Key: keyVersion, Value: c.PtyxVersion},
		{Key: keyN, Value: strconv.Itoa(c.N)},
		{Key: keyGridsize, Value: strconv.Itoa(c.Gridsize)},
		{Key: keyChannels, Value: strconv.Itoa(c.Channels)},
		{Key: keyFiltersScale, Value: strconv.Itoa(c.FiltersScale)},
		{Key: keyNetwork, Value: c.Network},
		{Key: keyExtent, Value: c.ObjectExtent},
		{Key: keyInput, Value: inputKind},
		{Key: keyTrainingInput, Value: c.TrainingInput},
		{Key: keyInputScale, Value: number(c.InputScale)},
		{Key: keyAmplitudeMax, Value: number(c.AmplitudeMax)},
		{Key: keyPhotons, Value: number(c.Photons)},
		{Key: keyFrame, Value: pixelFrame},
		{Key: keyProbe, Value: encodeProbe(c.Probe)},
		{Key: keyProbeDigest, Value: c.ProbeDigest},
		{Key: keyDataDigest, Value: c.DataDigest},
		{Key: keySeed, Value: strconv.FormatUint(c.Seed, 10)},
		{Key: keyEpochs, Value: strconv.Itoa(c.Epochs)},
		{Key: keyLoss, Value: c.Loss},
		{Key: keyTrainLoss, Value: number(c.TrainLoss)},
		{Key: keyValLoss, Value: number(c.ValLoss)},
		{Key: keyEngine, Value: c.Engine},
		{Key: keyDevice, Value: c.Device},
	}
}

// number is the shortest text that reads back as the same float64.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Parse reads the contract of a model. What is missing or makes no sense is a *badinput.Error without a file name.
func Parse(m *onnxir.Model) (Contract, error) {
	p := parser{model: m}
	if _, ok := m.Property(keyVersion); !ok {
		return Contract{}, &badinput.Error{Key: keyVersion, Found: "no such metadata", Expected: "a model written by ptyx", Remedy: "train one with ptyx train --export"}
	}
	p.once()
	p.oneOf(keyInput, inputKind)
	p.oneOf(keyFrame, pixelFrame)
	c := Contract{
		PtyxVersion:   p.text(keyVersion),
		N:             p.size(keyN, 1024),
		Gridsize:      p.size(keyGridsize, 16),
		Channels:      p.size(keyChannels, 256),
		FiltersScale:  p.size(keyFiltersScale, 64),
		Network:       p.oneOf(keyNetwork, Networks()...),
		ObjectExtent:  p.oneOf(keyExtent, "centre", "full"),
		TrainingInput: p.text(keyTrainingInput),
		InputScale:    p.positive(keyInputScale),
		AmplitudeMax:  p.positive(keyAmplitudeMax),
		Photons:       p.positive(keyPhotons),
		ProbeDigest:   p.text(keyProbeDigest),
		DataDigest:    p.text(keyDataDigest),
		Seed:          p.seed(keySeed),
		Epochs:        p.count(keyEpochs),
		Loss:          p.text(keyLoss),
		TrainLoss:     p.float(keyTrainLoss),
		ValLoss:       p.float(keyValLoss),
		Engine:        p.text(keyEngine),
		Device:        p.text(keyDevice),
	}
	if c.Channels != 1 && c.Channels != c.Gridsize*c.Gridsize {
		p.fault(keyChannels, strconv.Itoa(c.Channels), fmt.Sprintf("1 or %d, the square of the gridsize", c.Gridsize*c.Gridsize))
	}
	c.Probe = p.probe(c.N, c.ProbeDigest)
	if p.err != nil {
		return Contract{}, p.err
	}
	return c, nil
}

// parser reads values and keeps the first fault.
type parser struct {
	model *onnxir.Model
	err   error
}

func (p *parser) fault(key, found, expected string) {
	if p.err == nil {
		p.err = &badinput.Error{Key: "metadata " + key, Found: found, Expected: expected, Remedy: "the file is damaged or was edited; export it again"}
	}
}

// once refuses a key that is there twice: readers differ in which value they take.
func (p *parser) once() {
	seen := map[string]bool{}
	for _, m := range p.model.Metadata {
		if seen[m.Key] {
			p.fault(m.Key, "two values", "one")
		}
		seen[m.Key] = true
	}
}

// quoted is a text of the file for a sentence, cut if it is long.
func quoted(text string) string { return fmt.Sprintf("%.40q", text) }

func (p *parser) text(key string) string {
	v, _ := p.model.Property(key)
	if v == "" {
		p.fault(key, "nothing", "a value")
	}
	return v
}

func (p *parser) oneOf(key string, values ...string) string {
	v := p.text(key)
	for _, w := range values {
		if v == w {
			return v
		}
	}
	p.fault(key, quoted(v), strings.Join(values, " or "))
	return v
}

func (p *parser) count(key string) int {
	text := p.text(key)
	v, err := strconv.Atoi(text)
	if err != nil || v < 0 {
		p.fault(key, quoted(text), "a whole number")
	}
	return v
}

func (p *parser) size(key string, most int) int {
	v := p.count(key)
	if v < 1 || v > most {
		p.fault(key, strconv.Itoa(v), fmt.Sprintf("1 to %d", most))
	}
	return v
}

func (p *parser) seed(key string) uint64 {
	text := p.text(key)
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		p.fault(key, quoted(text), "a whole number")
	}
	return v
}

func (p *parser) float(key string) float64 {
	text := p.text(key)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.fault(key, quoted(text), "a number")
	}
	return v
}

func (p *parser) positive(key string) float64 {
	v := p.float(key)
	if !(v > 0) || math.IsInf(v, 0) {
		p.fault(key, number(v), "a positive number")
	}
	return v
}

// probe reads the probe and holds it to its digest.
func (p *parser) probe(n int, digest string) *ndarray.Complex64 {
	text := p.text(keyProbe)
	if p.err != nil {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 8*n*n {
		p.fault(keyProbe, fmt.Sprintf("%d characters", len(text)), fmt.Sprintf("the base64 of %d x %d complex64", n, n))
		return nil
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != digest {
		p.fault(keyProbe, fmt.Sprintf("a probe of SHA-256 %x", sum), "that of "+keyProbeDigest)
		return nil
	}
	probe := ndarray.New[complex64](n, n)
	for i := range probe.Data {
		re := math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i:]))
		im := math.Float32frombits(binary.LittleEndian.Uint32(raw[8*i+4:]))
		if !finite(re) || !finite(im) {
			p.fault(keyProbe, "NaN or Inf", "finite values")
			return nil
		}
		probe.Data[i] = complex(re, im)
	}
	return probe
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

func encodeProbe(probe *ndarray.Complex64) string {
	raw := make([]byte, 0, 8*len(probe.Data))
	for _, p := range probe.Data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(real(p)))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(imag(p)))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
