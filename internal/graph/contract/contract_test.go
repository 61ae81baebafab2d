package contract_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// sample is a contract in which every field says something.
func sample() contract.Contract {
	const n = 8
	re, im := testutil.Uniform(1, -1, 1, n, n), testutil.Uniform(2, -1e-20, 1e20, n, n)
	probe := ndarray.New[complex64](n, n)
	for i := range probe.Data {
		probe.Data[i] = complex(re.Data[i], im.Data[i])
	}
	return contract.Contract{
		PtyxVersion: "1.2.3", N: n, Gridsize: 3, Channels: 9, FiltersScale: 2, Network: "unrolled",
		ObjectExtent: "centre", TrainingInput: "intensity",
		InputScale: 1.0 / 3, AmplitudeMax: 2, Photons: 1e9 + 0.1, Probe: probe, ProbeDigest: optics.ProbeDigest(probe),
		DataDigest: "data", Samples: "9 patterns", Seed: math.MaxUint64,
		Epochs: 50, Loss: "mae", TrainLoss: 5e-324, ValLoss: -0.25,
		Engine: "tape", Device: "Go", Fallback: "no kernel",
		Variance: true,
	}
}

// file is a model that carries properties and the name of an output.
func file(properties []onnxir.Property) *onnxir.Model {
	outputs := []onnxir.ValueInfo{{Name: contract.LogVarianceOutput}}
	return &onnxir.Model{Graph: &onnxir.Graph{Name: "g", Outputs: outputs}, Metadata: properties}
}

func TestAContractComesBackAsItWasWritten(t *testing.T) {
	want := sample()
	for i, v := 0, reflect.ValueOf(want); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the contract of this test does not use %s", v.Type().Field(i).Name)
		}
	}
	m, err := onnxir.Unmarshal(file(want.Properties()).Marshal())
	if err != nil {
		t.Fatal(err)
	}
	got, err := contract.Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, written %+v", got, want)
	}
}

func TestLossesMayBeUnknown(t *testing.T) {
	c := sample()
	c.TrainLoss, c.ValLoss, c.Epochs = math.NaN(), math.Inf(1), 0
	got, err := contract.Parse(file(c.Properties()))
	if err != nil || !math.IsNaN(got.TrainLoss) || !math.IsInf(got.ValLoss, 1) || got.Epochs != 0 {
		t.Errorf("losses %g and %g after %d epochs: %v", got.TrainLoss, got.ValLoss, got.Epochs, err)
	}
}

func TestKeysAreThereOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range sample().Properties() {
		if seen[p.Key] || p.Value == "" || !strings.HasPrefix(p.Key, "ptyx.") {
			t.Errorf("key %q, a second time: %t, value %q", p.Key, seen[p.Key], p.Value)
		}
		seen[p.Key] = true
	}
	other := append([]onnxir.Property{{Key: "author", Value: "somebody"}}, sample().Properties()...)
	if _, err := contract.Parse(file(other)); err != nil {
		t.Errorf("with somebody else's metadata: %v", err)
	}
}

// with gives a key another value.
func with(key, value string) []onnxir.Property {
	properties := sample().Properties()
	properties[slices.IndexFunc(properties, func(p onnxir.Property) bool { return p.Key == key })].Value = value
	return properties
}

// refused expects one sentence that names the key.
func refused(t *testing.T, what string, properties []onnxir.Property, key string) {
	t.Helper()
	c, err := contract.Parse(file(properties))
	var bad *badinput.Error
	switch {
	case !errors.As(err, &bad):
		t.Errorf("%s: %v", what, err)
	case !reflect.DeepEqual(c, contract.Contract{}):
		t.Errorf("%s: refused, and yet %+v", what, c)
	case !strings.Contains(bad.Key, key) || bad.Expected == "" || bad.Remedy == "":
		t.Errorf("%s: the sentence does not name %s, or what was expected, or what to do: %v", what, key, err)
	case strings.Contains(err.Error(), "\n") || len(err.Error()) > 600:
		t.Errorf("%s: the sentence is long: %v", what, err)
	}
}

func TestEveryKeyIsNeeded(t *testing.T) {
	for i, p := range sample().Properties() {
		refused(t, "twice "+p.Key, append(sample().Properties(), p), p.Key)
		if p.Key == "ptyx.device_fallback" || p.Key == "ptyx.samples" {
			continue
		}
		properties := sample().Properties()
		refused(t, "without "+p.Key, slices.Delete(properties, i, i+1), p.Key)
		refused(t, "empty "+p.Key, with(p.Key, ""), p.Key)
	}
}

// A training that ran where it was meant to has no reason to state, and one on scans no simulated patterns.
func TestTheFallbackAndSamplesAreOptional(t *testing.T) {
	c := sample()
	c.Fallback, c.Samples = "", ""
	properties := c.Properties()
	if last := properties[len(properties)-1].Key; last != "ptyx.device" {
		t.Errorf("the last key is %s", last)
	}
	if got, err := contract.Parse(file(properties)); err != nil || got.Fallback+got.Samples != "" {
		t.Errorf("fallback %q, samples %q: %v", got.Fallback, got.Samples, err)
	}
}

func TestValuesThatMakeNoSenseAreRefused(t *testing.T) {
	words := []string{"many", "1,5", "0x", "1 ", "\n", strings.Repeat("9", 1<<16)}
	whole := slices.Concat(words, []string{"-1", "1.5", "1e3", "NaN", "99999999999999999999"})
	sizes := slices.Concat(whole, []string{"0", "4096"})
	numbers := slices.Concat(words, []string{"1e999"})
	positive := slices.Concat(numbers, []string{"0", "-1", "NaN", "Inf", "1e-999"})
	for key, values := range map[string][]string{
		"ptyx.n": sizes, "ptyx.gridsize": sizes, "ptyx.channels": slices.Concat(sizes, []string{"4"}),
		"ptyx.n_filters_scale": sizes,
		"ptyx.network":         {"cnn", "Pattern", "estimates"},
		"ptyx.object_extent":   {"center", "Full", "half"},
		"ptyx.input":           {"amplitude", "intensity: photon counts"},
		"ptyx.pixel_frame":     {"y = column, x = row"},
		"ptyx.input_scale":     positive, "ptyx.amplitude_max": positive, "ptyx.photons": positive,
		"ptyx.seed": whole, "ptyx.epochs": whole, "ptyx.train_loss": numbers, "ptyx.val_loss": numbers,
		"ptyx.probe_complex64_base64": {"????", "AAAA", strings.Repeat("A", 10*1<<16)},
	} {
		for _, value := range values {
			refused(t, fmt.Sprintf("%s = %.20q", key, value), with(key, value), key)
		}
	}
}

func TestSizesAgree(t *testing.T) {
	refused(t, "patterns of another size than the probe's", with("ptyx.n", "16"), "ptyx.probe_complex64_base64")
	refused(t, "channels of another grid", with("ptyx.gridsize", "2"), "ptyx.channels")
	for _, gridsize := range []int{1, 2, 3} {
		for _, channels := range []int{1, gridsize * gridsize} {
			c := sample()
			c.Gridsize, c.Channels = gridsize, channels
			if _, err := contract.Parse(file(c.Properties())); err != nil {
				t.Errorf("gridsize %d, %d channels: %v", gridsize, channels, err)
			}
		}
	}
}

// The probe is the one value that is too long for anybody to see that it was damaged.
func TestTheProbeMustMatchItsDigest(t *testing.T) {
	const key = "ptyx.probe_complex64_base64"
	text := probeText(sample())
	for _, at := range []int{0, len(text) / 2, len(text) - 5} {
		letter := byte('A')
		if text[at] == letter {
			letter = 'B'
		}
		refused(t, fmt.Sprintf("another letter %d", at), with(key, text[:at]+string(letter)+text[at+1:]), key)
	}
	refused(t, "a cut probe", with(key, text[:len(text)-4]), key)
	refused(t, "another digest", with("ptyx.probe_sha256", strings.Repeat("0", 64)), key)

	c := sample()
	c.Probe.Data[3] = complex(0, float32(math.NaN()))
	c.ProbeDigest = optics.ProbeDigest(c.Probe)
	refused(t, "NaN", c.Properties(), key)
}

func probeText(c contract.Contract) string {
	text, _ := file(c.Properties()).Property("ptyx.probe_complex64_base64")
	return text
}

// The digest in the file can be checked by anybody: it is of the very bytes that the base64 stands for.
func TestTheProbesBytes(t *testing.T) {
	c := sample()
	c.N, c.Gridsize, c.Channels = 1, 1, 1
	c.Probe = ndarray.Wrap([]complex64{1 - 2i}, 1, 1)
	if got, want := probeText(c), "AACAPwAAAMA="; got != want { // 00 00 80 3f 00 00 00 c0
		t.Errorf("the probe is written as %s, want %s", got, want)
	}
	sum := sha256.Sum256([]byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0})
	c.ProbeDigest = hex.EncodeToString(sum[:])
	if got, err := contract.Parse(file(c.Properties())); err != nil || got.Probe.Data[0] != 1-2i {
		t.Errorf("read %v, %v", got.Probe, err)
	}
}

func TestAnotherProgramsModelIsRefused(t *testing.T) {
	_, err := contract.Parse(file([]onnxir.Property{{Key: "author", Value: "nobody"}}))
	const want = "ptyx.version: found no such metadata, expected a model written by ptyx; " +
		"train one with ptyx train --export"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
