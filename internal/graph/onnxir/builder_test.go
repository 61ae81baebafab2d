package onnxir_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"ptyx/internal/graph/onnxir"
)

func TestEqualConstantsAreStoredOnce(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	nan := float32(math.NaN())
	names := []string{
		b.Int64s(1, 2), b.Int64s(2, 1), b.Floats([]float32{1, 2}, 2), b.Floats([]float32{1, 2}, 1, 2),
		b.Floats([]float32{1}, 1),
		b.Scalar(1), b.Scalar(0), b.Scalar(float32(math.Copysign(0, -1))), b.Scalar(nan), b.Int64s(), b.Floats(nil, 0),
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(names))); len(distinct) != len(names) {
		t.Errorf("other types, shapes or bits share a name: %v", names)
	}
	again := []string{b.Int64s(1, 2), b.Floats([]float32{1, 2}, 1, 2), b.Scalar(nan)}
	if want := []string{names[0], names[3], names[8]}; !slices.Equal(again, want) {
		t.Errorf("asked for again they are %v, want %v", again, want)
	}
	if n := len(b.Graph.Initializers); n != len(names) {
		t.Errorf("%d constants are stored, want %d", n, len(names))
	}
}

func TestConstantsHoldWhatTheyWereGiven(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	floats, integers := []float32{0, -1.5, math.MaxFloat32, float32(math.Inf(1))},
		[]int64{math.MinInt64, -1, 0, math.MaxInt64}
	b.Floats(floats, 2, 2)
	b.Int64s(math.MinInt64, -1, 0, math.MaxInt64)
	b.Scalar(0.25)
	b.Initializer("w", floats, 4)
	m, err := onnxir.Unmarshal((&onnxir.Model{Graph: b.Graph}).Marshal())
	if err != nil {
		t.Fatal(err)
	}
	read := m.Graph.Initializers
	for i, want := range map[int][]float32{0: floats, 2: {0.25}, 3: floats} {
		if got, err := read[i].Floats(); err != nil || !slices.Equal(got, want) {
			t.Errorf("constant %d: %v, want %v (%v)", i, got, want, err)
		}
	}
	if got, err := read[1].Int64s(); err != nil || !slices.Equal(got, integers) ||
		!slices.Equal(read[1].Dims, []int64{4}) {
		t.Errorf("integers %v of shape %v (%v)", got, read[1].Dims, err)
	}
	if len(read[2].Dims) != 0 || !slices.Equal(read[0].Dims, []int64{2, 2}) || read[3].Name != "w" {
		t.Errorf("shapes %v and %v, name %q", read[2].Dims, read[0].Dims, read[3].Name)
	}
}

func TestNamesAreFreshAndFollowTheOutput(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	b.Node("Identity", "y/Pad.0", []string{"x"}) // somebody else's name
	seen := map[string]bool{"y/Pad.0": true}
	for _, scope := range []string{"y", "z", "y"} {
		b.Scope(scope)
		for range 3 {
			name := b.Temp("Pad", []string{"x"})
			if seen[name] || name[:2] != scope+"/" {
				t.Errorf("under %s the name %q", scope, name)
			}
			seen[name] = true
		}
	}
}

// build makes a graph of everything that has a name of its own.
func build() []byte {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	for _, output := range []string{"a", "b"} {
		b.Scope(output)
		turned := b.Shared("turned", func() string { return b.Temp("Transpose", []string{"x"}) })
		b.Node("Mul", output, []string{turned, b.Scalar(2)})
	}
	return (&onnxir.Model{Graph: b.Graph}).Marshal()
}

func TestTheSameStepsGiveTheSameBytes(t *testing.T) {
	for range 20 {
		if !bytes.Equal(build(), build()) {
			t.Fatal("the bytes differ")
		}
	}
}

// calls counts how often an intermediate is made.
type calls struct{ made int }

func (c *calls) make(name string) func() string {
	return func() string { c.made++; return name }
}

func TestSharedIntermediatesAreMadeOnce(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	var dear, cheap calls
	for range 3 {
		if name := b.Shared("key", dear.make("dear")); name != "dear" {
			t.Errorf("shared under %q", name)
		}
	}
	b.Offer("other", cheap.make("cheap"))
	if !b.Offered("key") || !b.Offered("other") || b.Offered("third") {
		t.Error("what is made or on offer is not told")
	}
	if cheap.made != 0 {
		t.Error("an offer was taken before anybody asked")
	}
	for range 2 {
		if name := b.Shared("other", dear.make("dear")); name != "cheap" {
			t.Errorf("in spite of the offer, %q", name)
		}
	}
	if dear.made != 1 || cheap.made != 1 {
		t.Errorf("made %d and %d times", dear.made, cheap.made)
	}
}

func TestDeferredTensorsAreMadeWhenNeeded(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	made := 0
	b.Defer("y", func() {
		made++
		b.Need("y") // its own making may ask for it
	})
	if !b.Deferred("y") || b.Deferred("x") || made != 0 {
		t.Errorf("deferred: y %t, x %t; made %d times", b.Deferred("y"), b.Deferred("x"), made)
	}
	b.Need("x")
	b.Need("y")
	b.Need("y")
	if made != 1 || b.Deferred("y") {
		t.Errorf("made %d times, still deferred: %t", made, b.Deferred("y"))
	}
}

func TestShapedLike(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	dims := []onnxir.Dim{{Param: "batch"}, {Value: 3}}
	b.Graph.Inputs = []onnxir.ValueInfo{{Name: "x", Type: onnxir.Float, Dims: dims, Doc: "of x alone"}}
	b.ShapedLike("y", "x")
	b.ShapedLike("z", "y")
	b.ShapedLike("lost", "nobody")
	if len(b.Graph.ValueInfo) != 2 {
		t.Fatalf("shapes of %+v", b.Graph.ValueInfo)
	}
	for i, name := range []string{"y", "z"} {
		if v := b.Graph.ValueInfo[i]; v.Name != name || v.Type != onnxir.Float || v.Doc != "" ||
			!slices.Equal(v.Dims, dims) {
			t.Errorf("%s has %+v", name, v)
		}
	}
}
