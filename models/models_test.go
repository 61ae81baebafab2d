package models_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	"ptyx/models"
)

func config(n, channels, scale int, extent models.Extent) models.Config {
	return models.Config{N: n, Channels: channels, FiltersScale: scale, Extent: extent, InputScale: 0.5,
		AmplitudeMax: models.DefaultAmplitudeMax}
}

func TestThePatternNetIsOfPtychoPINNsSize(t *testing.T) {
	const want = 2.25e6 // parameters of PtychoPINN's network at N = 64, gridsize 1, n_filters_scale 2
	if got := float64(config(64, 1, 2, models.Full).ParameterCount()); !testutil.Close(got, want, 0, 0.05) {
		t.Errorf("%g parameters, want %g within 5%%", got, want)
	}
}

// An untrained network is nearly a solver: the numbers of its moves are at their start, and its convolutions change
// little.
func TestTheUnrolledNetStartsAsASolver(t *testing.T) {
	c := config(64, 1, 1, models.Full)
	c.Kind = models.Unrolled
	params := c.Initialise(1)
	for i, s := range c.Specs() {
		if len(s.Shape) == 1 && s.Shape[0] == 1 && !(params[i].Data[0] > 0.4 && params[i].Data[0] < 1) {
			t.Errorf("%s starts as %v", s.Name, params[i].Data[0])
		}
	}
}

// The counts were summed outside of this program from the table of filters: 9 I O + O for every convolution.
func TestParameterCounts(t *testing.T) {
	for _, c := range []struct{ n, channels, centre, full int }{
		{64, 1, 2252098, 2306946},
		{64, 4, 2257288, 2310408},
		{64, 9, 2265938, 2316178},
		{128, 1, 4639842, 4694690},
		{128, 4, 4644168, 4697288},
		{128, 9, 4651378, 4701618},
		{256, 1, 12906226, 12961074},
		{256, 4, 12910120, 12963240},
		{256, 9, 12916610, 12966850},
	} {
		for extent, want := range map[models.Extent]int{models.Centre: c.centre, models.Full: c.full} {
			if got := config(c.n, c.channels, 2, extent).ParameterCount(); got != want {
				t.Errorf("N %d, C %d, %s: %d parameters, want %d", c.n, c.channels, extent, got, want)
			}
		}
	}
}

// build makes the graph with unbound leaves.
func build(c models.Config, batch int) (*models.Net, error) {
	g := gorgonia.NewGraph()
	return models.Build(c, []*gorgonia.Node{program.Leaf(g, "x", batch, c.Channels, c.N, c.N)}, leaves(c, g))
}

func leaves(c models.Config, g *gorgonia.ExprGraph) []*gorgonia.Node {
	var list []*gorgonia.Node
	for _, s := range c.Specs() {
		list = append(list, program.Leaf(g, s.Name, s.Shape...))
	}
	return list
}

func TestOutputsHaveTheShapeOfTheInput(t *testing.T) {
	for _, n := range []int{64, 128, 256} {
		for _, channels := range []int{1, 4, 9} {
			for _, extent := range []models.Extent{models.Centre, models.Full} {
				net, err := build(config(n, channels, 2, extent), 3)
				if err != nil {
					t.Fatalf("N %d, C %d, %s: %v", n, channels, extent, err)
				}
				want := []int{3, channels, n, n}
				for what, node := range map[string]*gorgonia.Node{"amplitude": net.Amplitude, "phase": net.Phase} {
					if !ndarray.SameShape(node.Shape(), want) {
						t.Errorf("N %d, C %d, %s: %s has shape %v, want %v", n, channels, extent, what, node.Shape(),
							want)
					}
				}
			}
		}
	}
}

// TestTheUnrolledNetworkHasManySizes: each multiple of 8 within its bounds; a refusal names the size to crop to.
func TestTheUnrolledNetworkHasManySizes(t *testing.T) {
	for n := 30; n <= 1032; n++ {
		c := config(n, 1, 1, models.Full)
		c.Kind = models.Unrolled
		err := c.Validate()
		if has := n >= 32 && n <= 512 && n%8 == 0; has != (err == nil) {
			t.Errorf("N %d: %v", n, err)
		}
	}
	for n, says := range map[int]string{
		31: "to 32 pixels", 520: "to 512 pixels", 1024: "to 512 pixels",
		100: "found 100, expected a multiple of 8 from 32 to 512; crop or bin the patterns to 96 pixels",
	} {
		c := config(n, 1, 1, models.Full)
		c.Kind = models.Unrolled
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("N %d: %v, want a complaint with %q", n, err, says)
		}
	}
}

// TestARefusedSizeHasARemedy: PtychoPINN's networks name the network that takes the size, and the size that they take.
func TestARefusedSizeHasARemedy(t *testing.T) {
	for n, remedy := range map[int]string{
		40:   "; take --network unrolled for patterns of 40 pixels",
		50:   "; take --network unrolled for patterns of 48 pixels",
		96:   "; take --network unrolled, or crop or bin the patterns to 64 pixels",
		130:  "; crop or bin the patterns to 128 pixels",
		512:  "; take --network unrolled, or crop or bin the patterns to 256 pixels",
		1024: "; crop or bin the patterns to 256 pixels",
	} {
		if err := config(n, 1, 1, models.Full).Validate(); err == nil || !strings.HasSuffix(err.Error(), remedy) {
			t.Errorf("N %d: %v, want the remedy %q", n, err, remedy)
		}
	}
}

func TestNamesAreReadableAndDistinct(t *testing.T) {
	c := config(64, 1, 1, models.Centre)
	net, err := build(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range net.Names {
		names = append(names, name)
	}
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("%d names, only %d of them distinct", len(names), len(unique))
	}
	for _, want := range []string{"encoder.0.conv.0.weight", "encoder.2.pooled", "amplitude.1.upsampled",
		"phase.head.bias", "phase.padded"} {
		if _, found := slices.BinarySearch(names, want); !found {
			t.Errorf("no node is called %s", want)
		}
	}
	for _, s := range c.Specs() {
		if !strings.HasSuffix(s.Name, ".weight") && !strings.HasSuffix(s.Name, ".bias") {
			t.Errorf("parameter %s is neither a weight nor a bias", s.Name)
		}
	}
}

// run computes the net on the tape engine.
func run(t *testing.T, c models.Config, params []*ndarray.Float32, x *ndarray.Float32) (amplitude,
	phase *ndarray.Float32) {
	t.Helper()
	g := gorgonia.NewGraph()
	var constants []*gorgonia.Node
	for i, s := range c.Specs() {
		constants = append(constants, program.Constant(g, s.Name, params[i]))
	}
	in := program.Leaf(g, "x", x.Shape...)
	net, err := models.Build(c, []*gorgonia.Node{in}, constants)
	if err != nil {
		t.Fatal(err)
	}
	p := &program.Program{Name: "net", Inputs: []program.Input{{Name: "x", Node: in}},
		Outputs: []program.Output{{Name: "amplitude", Node: net.Amplitude}, {Name: "phase", Node: net.Phase}}}
	exe, err := engine.Tape{}.Compile(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	amplitude, phase = ndarray.New[float32](x.Shape...), ndarray.New[float32](x.Shape...)
	binding, err := exe.Bind([]*ndarray.Float32{x}, []*ndarray.Float32{amplitude, phase})
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	if err := binding.Run(); err != nil {
		t.Fatal(err)
	}
	return amplitude, phase
}

func TestOutputsKeepTheirRange(t *testing.T) {
	for _, extent := range []models.Extent{models.Centre, models.Full} {
		c := config(64, 1, 1, extent)
		// Strong inputs drive the heads towards saturation: the limits themselves are reached by rounding, never
		// passed.
		amplitude, phase := run(t, c, c.Initialise(1), testutil.Uniform(2, 0, 50, 1, 1, 64, 64))
		nonzero := 0
		for i, a := range amplitude.Data {
			row, col := i/64, i%64
			inside := extent == models.Full || row >= 16 && row < 48 && col >= 16 && col < 48
			switch {
			case inside &&
				!(a >= 0 && a <= models.DefaultAmplitudeMax &&
					math.Abs(float64(phase.Data[i])) <= float64(float32(math.Pi))):
				t.Fatalf("%s, (%d, %d): amplitude %g, phase %g", extent, row, col, a, phase.Data[i])
			case !inside && (a != 0 || phase.Data[i] != 0):
				t.Fatalf("%s, (%d, %d) lies outside: amplitude %g, phase %g, want 0", extent, row, col, a,
					phase.Data[i])
			case inside && a != 0:
				nonzero++
			}
		}
		if want := map[models.Extent]int{models.Centre: 32 * 32, models.Full: 64 * 64}[extent]; nonzero != want {
			t.Errorf("%s: %d pixels are filled, want %d", extent, nonzero, want)
		}
	}
}

func TestADarkPatternIsAnEmptyObject(t *testing.T) {
	// Biases start at 0, so nothing in gives sigmoid(0) = 1/2 and tanh(0) = 0, exactly.
	c := config(64, 1, 1, models.Full)
	amplitude, phase := run(t, c, c.Initialise(5), ndarray.New[float32](1, 1, 64, 64))
	for i := range amplitude.Data {
		if amplitude.Data[i] != 1 || phase.Data[i] != 0 {
			t.Fatalf("pixel %d: amplitude %g and phase %g, want 1 and 0", i, amplitude.Data[i], phase.Data[i])
		}
	}
}

func TestTheInputScaleIsInsideTheGraph(t *testing.T) {
	c := config(64, 1, 1, models.Full)
	params, x := c.Initialise(6), testutil.Uniform(7, 0, 3, 1, 1, 64, 64)
	want, _ := run(t, c, params, x)
	doubled := x.Clone()
	for i := range doubled.Data {
		doubled.Data[i] *= 2
	}
	c.InputScale /= 2
	got, _ := run(t, c, params, doubled)
	testutil.CheckClose(t, "amplitude", got.Data, want.Data, 0) // powers of two: no rounding at all
}

func TestInitialisationIsFixedByTheSeed(t *testing.T) {
	c := config(64, 4, 1, models.Full)
	a, b, other := c.Initialise(3), c.Initialise(3), c.Initialise(4)
	for i, s := range c.Specs() {
		if !ndarray.SameShape(a[i].Shape, s.Shape) {
			t.Fatalf("%s has shape %v, want %v", s.Name, a[i].Shape, s.Shape)
		}
		if !slices.Equal(a[i].Data, b[i].Data) {
			t.Errorf("%s differs between two draws of one seed", s.Name)
		}
		if len(s.Shape) == 4 && slices.Equal(a[i].Data, other[i].Data) {
			t.Errorf("%s is the same for two seeds", s.Name)
		}
	}
}

func TestInitialisationIsGlorots(t *testing.T) {
	c := config(64, 1, 2, models.Full)
	for i, p := range c.Initialise(11) {
		s := c.Specs()[i]
		if len(s.Shape) == 1 {
			if slices.ContainsFunc(p.Data, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s is not 0", s.Name)
			}
			continue
		}
		limit := math.Sqrt(6 / float64(9*(s.Shape[0]+s.Shape[1])))
		mean, square, largest := 0.0, 0.0, 0.0
		for _, v := range p.Data {
			mean += float64(v)
			square += float64(v) * float64(v)
			largest = max(largest, math.Abs(float64(v)))
		}
		n := float64(len(p.Data))
		mean, square = mean/n, square/n
		if !(largest <= limit*(1+1e-7)) { // rounding to float32
			t.Errorf("%s reaches %g, beyond the limit %g", s.Name, largest, limit)
		}
		// Of n uniform draws the mean has deviation limit/sqrt(3n), the mean square limit^2 sqrt(4/45)/sqrt(n): five of
		// each.
		if !(math.Abs(mean) <= 5*limit/math.Sqrt(3*n)) {
			t.Errorf("%s has mean %g, limit %g, %g values", s.Name, mean, limit, n)
		}
		if !testutil.Close(square, limit*limit/3, 5*limit*limit*math.Sqrt(4.0/45/n), 0) {
			t.Errorf("%s has variance %g, want %g", s.Name, square, limit*limit/3)
		}
	}
}

func TestConfigurationsWithoutANetworkAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func(*models.Config)
		says string
	}{
		{"size", func(c *models.Config) { c.N = 96 }, "found 96, expected 64, 128 or 256"},
		{"no channel", func(c *models.Config) { c.Channels = 0 }, "channels: found 0"},
		{"no filters", func(c *models.Config) { c.FiltersScale = -1 }, "n_filters_scale: found -1"},
		{"filters without end", func(c *models.Config) { c.FiltersScale = 1000 },
			"n_filters_scale: found 1000, expected 1 to 16"},
		{"extent", func(c *models.Config) { c.Extent = "half" }, "object_extent: found half"},
		{"scale", func(c *models.Config) { c.InputScale = 0 }, "scale: found input 0"},
		{"NaN scale", func(c *models.Config) { c.InputScale = math.NaN() }, "scale: found input NaN"},
		{"infinite scale", func(c *models.Config) { c.InputScale = math.Inf(1) }, "scale: found input +Inf"},
		{"amplitude", func(c *models.Config) { c.AmplitudeMax = -2 }, "amplitude -2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := config(64, 1, 1, models.Full)
			bent := good
			c.bend(&bent)
			err := bent.Validate()
			var bad *badinput.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a complaint with %q", err, c.says)
			}
			g := gorgonia.NewGraph()
			if _, err := models.Build(bent, []*gorgonia.Node{program.Leaf(g, "x", 1, 1, 64, 64)}, nil); err == nil {
				t.Error("Build accepts it")
			}
		})
	}
}

func TestBuildRefusesShapesThatDoNotFit(t *testing.T) {
	c := config(64, 1, 1, models.Full)
	for _, bad := range []struct {
		name string
		x    []int
		bend func(*gorgonia.ExprGraph, []*gorgonia.Node) []*gorgonia.Node
		says string
	}{
		{"too few parameters", []int{1, 1, 64, 64},
			func(_ *gorgonia.ExprGraph, p []*gorgonia.Node) []*gorgonia.Node { return p[1:] },
			"39 parameters for a network of 40"},
		{"channels", []int{1, 2, 64, 64}, func(_ *gorgonia.ExprGraph, p []*gorgonia.Node) []*gorgonia.Node { return p },
			"encoder.0.conv.0"},
		{"a parameter's shape", []int{1, 1, 64, 64}, func(g *gorgonia.ExprGraph, p []*gorgonia.Node) []*gorgonia.Node {
			p[2] = program.Leaf(g, "wrong", 32, 31, 3, 3)
			return p
		}, "encoder.0.conv.1"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			g := gorgonia.NewGraph()
			_, err := models.Build(c, []*gorgonia.Node{program.Leaf(g, "x", bad.x...)}, bad.bend(g, leaves(c, g)))
			if err == nil || !strings.Contains(err.Error(), bad.says) {
				t.Errorf("got %v, want an error with %q", err, bad.says)
			}
		})
	}
}

func TestBuildRefusesInputsThatTheNetworkDoesNotTake(t *testing.T) {
	g := gorgonia.NewGraph()
	x := program.Leaf(g, "x", 1, 1, 64, 64)
	c := config(64, 1, 1, models.Full)
	for _, inputs := range [][]*gorgonia.Node{nil, {x, x}} {
		if _, err := models.Build(c, inputs, leaves(c, g)); err == nil ||
			!strings.Contains(err.Error(), "inputs for a network of 1") {
			t.Errorf("%d inputs: %v", len(inputs), err)
		}
	}
}

// A model's contract may hold every name of the table of networks, and that of a network that is only read.
func TestNetworksOfTheContractAreThoseOfTheTable(t *testing.T) {
	const onlyRead = "estimate" // written before the network took the probe as an input
	for _, name := range contract.Networks() {
		var k models.Kind
		if err := k.UnmarshalText([]byte(name)); (err != nil) != (name == onlyRead) {
			t.Errorf("%s: %q, %v", name, k, err)
		}
	}
	var k models.Kind
	err := k.UnmarshalText([]byte("cnn"))
	if want := `found "cnn", expected unrolled or pattern`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestExtentIsReadFromText(t *testing.T) {
	for text, want := range map[string]models.Extent{"centre": models.Centre, "full": models.Full} {
		var e models.Extent
		if err := e.UnmarshalText([]byte(text)); err != nil || e != want {
			t.Errorf("%s: %v, %v", text, e, err)
		}
	}
	for _, text := range []string{"", "center", "FULL"} {
		var e models.Extent
		if err := e.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
