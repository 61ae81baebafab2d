package onnxir

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Builder collects the nodes and constants of one graph. Operators receive it in their lowering and add nodes to it;
// equal constants are stored once. Names are made from the output that is being built, so the same graph always gives
// the same bytes.
type Builder struct {
	Graph *Graph

	target    Target
	constants map[string]string        // content key -> initializer name
	used      map[string]bool          // every tensor name in use
	shared    map[string]string        // key of an intermediate that several operators use -> its name
	offers    map[string]func() string // how to make such an intermediate on demand
	shapes    []ValueInfo              // inputs with a default
	deferred  map[string]func()        // tensors that exist in another form only, and how to make them
	scope     string                   // the output under construction
	serial    int                      // temporaries made in this scope
}

// Target is what a graph is lowered for. Operators with several forms choose by it.
type Target struct {
	// Training allows nodes of ONNX Runtime's contrib domain (com.microsoft). A checkpoint has only standard nodes.
	Training bool
	// Winograd allows convolutions to be lowered to Winograd's minimal filtering, which saves multiplications on a CPU.
	// Its results differ from plain ones by rounding.
	Winograd bool
	// StaticShapes writes shapes as constants in a training step, too; see Builder.Shape.
	StaticShapes bool
}

// NewBuilder returns an empty builder for a target.
func NewBuilder(name string, target Target) *Builder {
	return &Builder{
		Graph:     &Graph{Name: name},
		target:    target,
		constants: map[string]string{},
		shared:    map[string]string{},
		offers:    map[string]func() string{},
		deferred:  map[string]func(){},
		used:      map[string]bool{},
	}
}

// Target is that of NewBuilder.
func (b *Builder) Target() Target { return b.target }

// Scope starts the lowering of one operator, whose result will be called output.
func (b *Builder) Scope(output string) { b.scope, b.serial = output, 0 }

// Node appends a node that writes to the named output.
func (b *Builder) Node(opType, output string, inputs []string, attrs ...Attribute) {
	b.NodeIn("", opType, []string{output}, inputs, attrs...)
}

// NodeIn appends a node of any domain with any number of outputs.
func (b *Builder) NodeIn(domain, opType string, outputs, inputs []string, attrs ...Attribute) {
	for _, o := range outputs {
		b.used[o] = true
	}
	b.Graph.Nodes = append(b.Graph.Nodes, &Node{
		Name: outputs[0], OpType: opType, Domain: domain, Inputs: inputs, Outputs: outputs, Attributes: attrs,
	})
}

// Temp appends a node whose output is an intermediate of the operator under construction, and returns its name.
func (b *Builder) Temp(opType string, inputs []string, attrs ...Attribute) string {
	name := b.TempName(opType)
	b.Node(opType, name, inputs, attrs...)
	return name
}

// Shared is the name of an intermediate that several operators use: the first to ask builds it, by the offer if there
// is one.
func (b *Builder) Shared(key string, build func() string) string {
	if name, ok := b.shared[key]; ok {
		return name
	}
	if offer, ok := b.offers[key]; ok {
		build = offer
	}
	name := build()
	b.shared[key] = name
	return name
}

// Offer says how a shared intermediate can be made cheaply.
func (b *Builder) Offer(key string, build func() string) { b.offers[key] = build }

// Offered reports whether a shared intermediate exists or can be made cheaply.
func (b *Builder) Offered(key string) bool { return b.offers[key] != nil || b.shared[key] != "" }

// Defer makes a tensor only if an operator needs it, because it exists in another form.
func (b *Builder) Defer(name string, build func()) { b.deferred[name] = build }

// Need makes a deferred tensor; any other exists already.
func (b *Builder) Need(name string) {
	if build, ok := b.deferred[name]; ok {
		delete(b.deferred, name)
		build()
	}
}

// Deferred reports whether a deferred tensor has not been made.
func (b *Builder) Deferred(name string) bool { return b.deferred[name] != nil }

// ShapedLike gives a value the type and shape of another, if that one has them.
func (b *Builder) ShapedLike(name, like string) {
	for _, list := range [][]ValueInfo{b.Graph.ValueInfo, b.Graph.Inputs} {
		for _, v := range list {
			if v.Name == like {
				b.Graph.ValueInfo = append(b.Graph.ValueInfo, ValueInfo{Name: name, Type: v.Type, Dims: v.Dims})
				return
			}
		}
	}
}

// Shaped states the shape of a value: the first dimension of another value, if that one's is stated, and the rest. With
// like empty, all dimensions are those given.
func (b *Builder) Shaped(name, like string, rest ...int) string {
	info := ValueInfo{Name: name, Type: Float, Dims: []Dim{}}
	if like != "" {
		b.ShapedLike(name, like)
		last := len(b.Graph.ValueInfo) - 1
		if last < 0 || b.Graph.ValueInfo[last].Name != name {
			return name
		}
		info.Dims = append(info.Dims, b.Graph.ValueInfo[last].Dims[0])
		b.Graph.ValueInfo = b.Graph.ValueInfo[:last]
	}
	for _, d := range rest {
		info.Dims = append(info.Dims, Dim{Value: int64(d)})
	}
	b.Graph.ValueInfo = append(b.Graph.ValueInfo, info)
	return name
}

// TempName reserves a fresh tensor name under the operator being built.
func (b *Builder) TempName(what string) string {
	for {
		name := fmt.Sprintf("%s/%s.%d", b.scope, what, b.serial)
		b.serial++
		if !b.used[name] {
			b.used[name] = true
			return name
		}
	}
}

// Int64s is a constant 1-D int64 tensor (axes, shapes, pads).
func (b *Builder) Int64s(values ...int) string {
	return b.constant(Int64, []int64{int64(len(values))}, int64Bytes(values))
}

// Shape is a shape to give to Reshape. In a training step it is declared as an input with this as its default, which
// nobody feeds: ONNX Runtime then cannot know the shapes of what follows beforehand. Where it knows them, it plans each
// buffer of the forward pass for a tensor of the same shape in the backward pass and keeps it all the time in between;
// where it does not, a buffer is free as soon as it is dead. That takes a third of the memory, and less time
// (docs/dev/performance.md). That is a matter of the CPU's allocator: a GPU takes static shapes.
func (b *Builder) Shape(values ...int) string {
	if !b.target.Training || b.target.StaticShapes {
		return b.Int64s(values...)
	}
	return b.Shared(fmt.Sprint("shape ", values), func() string {
		name := fmt.Sprintf("shape.%d", len(b.shapes))
		dims := []int64{int64(len(values))}
		b.shapes = append(b.shapes, ValueInfo{Name: name, Type: Int64, Dims: []Dim{{Value: dims[0]}}})
		b.used[name] = true
		b.Graph.Initializers = append(b.Graph.Initializers,
			&Tensor{Name: name, Type: Int64, Dims: dims, Raw: int64Bytes(values)})
		return name
	})
}

// Defaults are the inputs that nobody feeds; see Shape.
func (b *Builder) Defaults() []ValueInfo { return b.shapes }

// Scalar is a constant rank-0 float tensor.
func (b *Builder) Scalar(v float32) string {
	return b.constant(Float, nil, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
}

// Floats is a constant float tensor of the given shape.
func (b *Builder) Floats(data []float32, dims ...int) string {
	return b.constant(Float, int64s(dims), FloatBytes(data))
}

// Initializer adds a named float tensor: a parameter of the network.
func (b *Builder) Initializer(name string, data []float32, dims ...int) {
	b.used[name] = true
	b.Graph.Initializers = append(b.Graph.Initializers,
		&Tensor{Name: name, Type: Float, Dims: int64s(dims), Raw: FloatBytes(data)})
}

func (b *Builder) constant(t DataType, dims []int64, raw []byte) string {
	key := fmt.Sprint(t, dims, ":") + string(raw)
	if name, ok := b.constants[key]; ok {
		return name
	}
	name := fmt.Sprintf("const.%d", len(b.constants))
	b.constants[key] = name
	b.used[name] = true
	b.Graph.Initializers = append(b.Graph.Initializers, &Tensor{Name: name, Type: t, Dims: dims, Raw: raw})
	return name
}

func int64s(values []int) []int64 {
	var list []int64
	for _, v := range values {
		list = append(list, int64(v))
	}
	return list
}

func int64Bytes(values []int) []byte {
	raw := make([]byte, 8*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint64(raw[8*i:], uint64(v))
	}
	return raw
}

// FloatBytes is the little-endian raw form of float data.
func FloatBytes(data []float32) []byte {
	raw := make([]byte, 4*len(data))
	for i, v := range data {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return raw
}
