package export_test

import (
	"cmp"
	"crypto/sha256"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/models"
)

// eachNetwork runs a test for all kinds of network, and where they have them channel counts of gridsize 1 and 2, and
// both extents.
func eachNetwork(t *testing.T, test func(t *testing.T, c models.Config)) {
	for _, channels := range []int{1, 4} {
		for _, extent := range []models.Extent{models.Centre, models.Full} {
			t.Run(fmt.Sprintf("C=%d %s", channels, extent), func(t *testing.T) { test(t, network(channels, extent)) })
		}
	}
	for _, n := range []int{32, 40} {
		c := unrolled()
		c.N = n
		t.Run(fmt.Sprintf("N=%d %s", n, c.Kind), func(t *testing.T) { test(t, c) })
	}
}

func TestACheckpointDeclaresItsVersions(t *testing.T) {
	m := checkpoint(t, network(1, models.Full))
	if m.IRVersion != 8 {
		t.Errorf("IR version %d, want 8", m.IRVersion)
	}
	if !slices.Equal(m.Opsets, []onnxir.Opset{{Version: 17}}) {
		t.Errorf("opsets %v, want the standard one, 17", m.Opsets)
	}
	if m.ProducerName != "ptyx" || m.ProducerVersion != version.String {
		t.Errorf("made by %s %s", m.ProducerName, m.ProducerVersion)
	}
}

// Viewers show the shape of a value only if the file states it.
func TestEveryValueOfACheckpointHasAShape(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		g := checkpoint(t, c).Graph
		stated := map[string]bool{}
		for _, v := range slices.Concat(g.ValueInfo, g.Outputs) {
			stated[v.Name] = true
		}
		for _, n := range g.Nodes {
			for _, out := range n.Outputs {
				if !stated[out] {
					t.Errorf("%s has no shape", out)
				}
			}
		}
	})
}

func TestACheckpointHasStandardOperatorsOnly(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		for _, n := range checkpoint(t, c).Graph.Nodes {
			if n.Domain != "" {
				t.Errorf("%s of %v is of domain %s", n.OpType, n.Outputs, n.Domain)
			}
			if n.Name == "" {
				t.Errorf("%s of %v has no name", n.OpType, n.Outputs)
			}
		}
	})
}

func shape(dims []onnxir.Dim) string {
	var list []string
	for _, d := range dims {
		list = append(list, d.String())
	}
	return strings.Join(list, " x ")
}

func TestTheBatchIsSymbolic(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		g := checkpoint(t, c).Graph
		image := fmt.Sprintf(" x %d x %d x %d", c.Channels, c.N, c.N)
		own := map[string]string{"probe_re": "probes" + image, "probe_im": "probes" + image, "offset": "offsets x 2"}
		for _, v := range append(slices.Clone(g.Inputs), g.Outputs...) {
			if want := cmp.Or(own[v.Name], "batch"+image); shape(v.Dims) != want {
				t.Errorf("%s is %s, want %s", v.Name, shape(v.Dims), want)
			}
		}
		for _, v := range g.ValueInfo {
			symbols := []string{"batch", "probes", "offsets", "probes_at_offsets"}
			if len(v.Dims) == 4 && !slices.Contains(symbols, v.Dims[0].Param) {
				t.Errorf("intermediate %s is %s", v.Name, shape(v.Dims))
			}
		}
	})
}

func TestInputsAndOutputsAreDescribed(t *testing.T) {
	m := checkpoint(t, network(1, models.Full))
	var names []string
	for _, v := range append(slices.Clone(m.Graph.Inputs), m.Graph.Outputs...) {
		names = append(names, v.Name)
		if v.Doc == "" || v.Type != onnxir.Float {
			t.Errorf("%s: type %d, description %q", v.Name, v.Type, v.Doc)
		}
	}
	if want := []string{export.InputName, export.AmplitudeName, export.PhaseName}; !slices.Equal(names, want) {
		t.Errorf("inputs and outputs %v, want %v", names, want)
	}
	if m.Doc == "" || m.Graph.Doc == "" {
		t.Error("the model or its graph is not described")
	}
}

func TestEveryIntermediateHasItsShape(t *testing.T) {
	g := checkpoint(t, network(1, models.Centre)).Graph
	known := map[string]bool{}
	for _, v := range append(slices.Clone(g.ValueInfo), g.Outputs...) {
		if known[v.Name] {
			t.Errorf("%s is declared twice", v.Name)
		}
		known[v.Name] = true
	}
	for _, n := range g.Nodes {
		if out := n.Outputs[0]; !known[out] {
			t.Errorf("%s has no value_info", out)
		}
	}
}

func TestParametersKeepTheirNamesAndOrder(t *testing.T) {
	c := network(4, models.Full)
	var got []string
	for _, tensor := range checkpoint(t, c).Graph.Initializers {
		if !strings.HasPrefix(tensor.Name, "const.") {
			got = append(got, tensor.Name)
		}
	}
	var want []string
	for _, s := range c.Specs() {
		want = append(want, s.Name)
	}
	slices.Sort(got) // the graph needs them in the order of its walk
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("parameters %v, want %v", got, want)
	}
}

func TestTheMetadataAreTheContract(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		m, err := onnxir.Unmarshal(checkpoint(t, c).Marshal())
		if err != nil {
			t.Fatal(err)
		}
		got, err := contract.Parse(m)
		if err != nil {
			t.Fatal(err)
		}
		want := metadata(c)
		want.Variance = c.Kind == models.Unrolled // from the graph
		if !math.IsNaN(got.ValLoss) {
			t.Errorf("validation loss %g, want NaN", got.ValLoss)
		}
		got.ValLoss, want.ValLoss = 0, 0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("contract %+v, want %+v", got, want)
		}
	})
}

func TestACheckpointNeedsItsParameters(t *testing.T) {
	c := network(1, models.Full)
	params := weights(c)
	_, err := export.Checkpoint(c, params[1:], metadata(c))
	wantSentence(t, "one too few", err, "39 parameter arrays for a network of 40")
	params[3] = ndarray.New[float32](7)
	_, err = export.Checkpoint(c, params, metadata(c))
	wantSentence(t, "another shape", err, "encoder.0.conv.1: Conv2D of shapes")
	c.N = 100
	_, err = export.Checkpoint(c, nil, metadata(c))
	wantSentence(t, "a size without a network", err,
		"found 100, expected 64, 128 or 256 with network pattern; crop or bin the patterns to 64 pixels")
}

var update = flag.Bool("update", false, "write the golden files of this package anew")

// golden compares with a file in testdata. `go test ./export -run Golden -update` makes the files; look at the
// difference before it is kept, as models in the hands of users have the old form.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s has changed: %d bytes, %d before", name, len(got), len(want))
		for i, line := range strings.Split(string(got), "\n") {
			if before := strings.Split(string(want), "\n"); i >= len(before) || line != before[i] {
				t.Fatalf("line %d is %.200q", i+1, line)
			}
		}
	}
}

func TestGoldenTinyModel(t *testing.T) {
	golden(t, "tiny.onnx", lower(t, tiny(t), onnxir.Target{}).Marshal())
}

// The checkpoint of the smallest network has two megabytes; its golden file lists what it holds, with digests.
func TestGoldenCheckpoint(t *testing.T) {
	m := checkpoint(t, network(4, models.Centre))
	m.ProducerVersion = "" // the one thing that changes with every release
	golden(t, "checkpoint.txt", listing(m))
}

func listing(m *onnxir.Model) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("sha256 %x", sha256.Sum256(m.Marshal()))
	line("ir %d opsets %v doc %q graph %q doc %q", m.IRVersion, m.Opsets, m.Doc, m.Graph.Name, m.Graph.Doc)
	for kind, list := range [][]onnxir.ValueInfo{m.Graph.Inputs, m.Graph.Outputs, m.Graph.ValueInfo} {
		for _, v := range list {
			line("%s %s: %s %q", []string{"input", "output", "value"}[kind], v.Name, shape(v.Dims), v.Doc)
		}
	}
	for _, tensor := range m.Graph.Initializers {
		line("tensor %s: %v sha256 %.8x", tensor.Name, tensor.Dims, sha256.Sum256(tensor.Raw))
	}
	for _, n := range m.Graph.Nodes {
		var attributes []string
		for _, a := range n.Attributes {
			attributes = append(attributes, fmt.Sprintf("%s=%d%v%s", a.Name, a.Int, a.Ints, a.String))
		}
		line("node %s %q -> %q %v", n.OpType, n.Inputs, n.Outputs, attributes)
	}
	for _, p := range m.Metadata {
		line("metadata %s sha256 %.8x", p.Key, sha256.Sum256([]byte(p.Value)))
	}
	return []byte(b.String())
}
