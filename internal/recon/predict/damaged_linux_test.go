package predict_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ptyx/export"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// checkpoints are the models to damage: a tiny one, in which every byte matters, and a network as it is deployed.
func checkpoints(t *testing.T) [][]byte {
	t.Helper()
	tiny, err := os.ReadFile("../../../export/testdata/tiny.onnx")
	if err != nil {
		t.Fatal(err)
	}
	net := models.Config{
		N: 64, Channels: 1, FiltersScale: 1, Extent: models.Full, Kind: models.Unrolled, InputScale: 1,
		AmplitudeMax: models.DefaultAmplitudeMax,
	}
	params := net.Initialise(1)
	probe := ndarray.New[complex64](64, 64)
	for i := range probe.Data {
		probe.Data[i] = 1
	}
	m, err := export.Checkpoint(net, params, contract.Contract{
		Gridsize: 1, TrainingInput: "amplitude", DataDigest: "data", Loss: "poisson", Engine: "tape", Device: "Go",
		Photons: 1e6, Probe: probe,
	})
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{tiny, m.Marshal()}
}

// numbers are values at the limits of their types.
var numbers = []int64{
	-1 << 63, -1 << 31, -1 << 20, -64, -3, -2, -1, 0, 1, 2, 3, 5, 64,
	1 << 16, 1 << 20, 1 << 31, 1<<63 - 1,
}

// operators replace the operator of a node.
var operators = strings.Fields(
	`Abs Add AveragePool BatchNormalization Cast Concat Conv ConvTranspose DepthToSpace Expand Flatten Gemm
	GlobalAveragePool InstanceNormalization LayerNormalization MatMul Max MaxPool Mul PRelu Pad Pow ReduceSum Reshape
	Resize Shape Slice
	SpaceToDepth Split Squeeze Sub Transpose Unsqueeze Where If Loop Einsum Attention NonMaxSuppression RoiAlign Scan`,
)

// damageModel changes a model: bits of its bytes, or its contents.
func damageModel(data []byte, r *rand.Rand) []byte {
	if r.IntN(4) == 0 {
		out := slices.Clone(data)
		for range 1 + r.IntN(8) {
			out[r.IntN(len(out))] ^= 1 << r.IntN(8)
		}
		return out
	}
	m, err := onnxir.Unmarshal(data)
	if err != nil {
		panic(err)
	}
	for range 1 + r.IntN(3) {
		damageGraph(m, r)
	}
	return m.Marshal()
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func damageGraph(m *onnxir.Model, r *rand.Rand) {
	g := m.Graph
	n := pick(r, g.Nodes)
	name := func() string {
		return pick(r,
			append(slices.Clone(pick(r, g.Nodes).Outputs), g.Inputs[0].Name, pick(r, g.Initializers).Name, ""))
	}
	switch r.IntN(14) {
	case 0:
		n.OpType = pick(r, operators)
	case 1:
		if len(n.Inputs) > 0 {
			n.Inputs[r.IntN(len(n.Inputs))] = name()
		}
	case 2:
		n.Inputs = n.Inputs[:r.IntN(len(n.Inputs)+1)]
	case 3:
		n.Inputs = append(n.Inputs, name())
	case 4:
		g.Nodes = slices.DeleteFunc(g.Nodes, func(o *onnxir.Node) bool { return o == n && len(g.Nodes) > 1 })
	case 5:
		n.Outputs = append(n.Outputs, fmt.Sprint("more", r.IntN(100)))
	case 6, 7:
		if len(n.Attributes) > 0 {
			a := &n.Attributes[r.IntN(len(n.Attributes))]
			a.Int, a.Float = pick(r, numbers), float32(math.NaN())
			if len(a.Ints) > 0 {
				a.Ints[r.IntN(len(a.Ints))] = pick(r, numbers)
			}
			if r.IntN(4) == 0 {
				a.Ints = append(a.Ints, pick(r, numbers))
			}
		}
	case 8:
		name := pick(r, []string{"pads", "strides", "kernel_shape", "dilations", "perm", "axes", "axis", "group", "to"})
		n.Attributes = append(n.Attributes, onnxir.Ints(name, int(pick(r, numbers)), int(pick(r, numbers))))
	case 9, 10: // the numbers of a constant
		t := pick(r, g.Initializers)
		for range 1 + r.IntN(3) {
			if at := 8 * r.IntN(len(t.Raw)/8+1); at+8 <= len(t.Raw) && t.Type == onnxir.Int64 {
				v := pick(r, numbers)
				for i := range 8 {
					t.Raw[at+i] = byte(uint64(v) >> (8 * i))
				}
			}
		}
	case 11: // another shape of as many values
		t := pick(r, g.Initializers)
		r.Shuffle(len(t.Dims), func(i, j int) { t.Dims[i], t.Dims[j] = t.Dims[j], t.Dims[i] })
		switch r.IntN(3) {
		case 0:
			t.Dims = append(t.Dims, 1)
		case 1:
			t.Dims, t.Raw = []int64{0}, nil
		}
	case 12:
		infos := pick(r, [][]onnxir.ValueInfo{g.Inputs, g.Outputs, g.ValueInfo})
		if len(infos) > 0 {
			v := &infos[r.IntN(len(infos))]
			v.Dims = slices.Clone(v.Dims)
			if len(v.Dims) > 0 {
				v.Dims[r.IntN(len(v.Dims))] = onnxir.Dim{Value: pick(r, numbers)}
			}
		}
	case 13:
		m.Opsets = []onnxir.Opset{{Version: int64(r.IntN(30))}}
	}
}

// ONNX Runtime is C++ and may crash the process on a hostile file. For every file, NewORT must end in a result or an
// error. The child process has little memory, so that a model that needs too much does not disturb others.
func TestDamagedModels(t *testing.T) {
	files := checkpoints(t)
	var env *ort.Environment
	admitted, ran := 0, 0
	testutil.CasesInChild(t, 400, func(i int) error {
		if env == nil {
			const memory = 8 << 30
			if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: memory, Max: memory}); err != nil {
				return err
			}
			env = runtimetest.Open(t)
		}
		r := rand.New(rand.NewPCG(uint64(i), 0))
		data := damageModel(files[min(1, i%8/7)], r)
		p, err := predict.NewORT(env, data, ort.SessionOptions{Device: ort.CPU, Threads: 1})
		if err != nil {
			var fault *badinput.Error
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 4000 {
				return fmt.Errorf("not a sentence: %.4000q", err)
			}
			if !errors.As(err, &fault) {
				admitted++
			}
			return nil
		}
		admitted++
		defer p.Close()
		batch, err := p.Prepare(2)
		if err != nil {
			return nil
		}
		defer batch.Close()
		if _, _, err := batch.Run(); err == nil {
			ran++
		}
		return nil
	})
	if admitted > 0 {
		t.Logf("%d models admitted, %d ran", admitted, ran)
		fmt.Printf("%d models admitted, %d ran\n", admitted, ran)
	}
}
