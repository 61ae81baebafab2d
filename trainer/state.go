package trainer

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/models"
)

// State is all that changes during a training. Saved and loaded, a training goes on bit for bit as if never stopped:
// what is drawn at random depends on the seed and the epoch alone.
type State struct {
	Parameters []*ndarray.Float32 // of the network, in the order of models.Config.Specs
	Trained    int                // of the Parameters, the first ones; the others stay as they are
	ProbeRe    *ndarray.Float32   // (N, N), power N^2; for several scans (P, N, N), power N^2 * Exposure
	ProbeIm    *ndarray.Float32
	Exposure   []float64 // of each scan, its brightness against the mean; follows from the data and is not saved
	Adam       *Adam
	Epoch      int // epochs finished
	Batch      int // batches finished of the epoch after that
	LossSum    float64
	Samples    int // samples in LossSum
	History    []Epoch
	Best       *Best // nil until an epoch was judged
}

// Best is the state at the lowest judged loss.
type Best struct {
	Epoch            int
	Loss             float64
	Parameters       []*ndarray.Float32
	ProbeRe, ProbeIm *ndarray.Float32
}

// trained lists the arrays that the optimiser moves, in the order of the step's gradients.
func (s *State) trained(probe bool) []*ndarray.Float32 {
	list := append([]*ndarray.Float32(nil), s.Parameters[:s.Trained]...)
	if probe {
		list = append(list, s.ProbeRe, s.ProbeIm)
	}
	return list
}

// inputs lists all arrays of the state that a step reads, in the order of its inputs.
func (s *State) inputs(probe bool) []*ndarray.Float32 {
	list := append([]*ndarray.Float32(nil), s.Parameters...)
	if probe {
		list = append(list, s.ProbeRe, s.ProbeIm)
	}
	return list
}

// keepBest remembers the parameters if the last epoch was the best so far.
func (s *State) keepBest() {
	last := s.History[len(s.History)-1]
	if s.Best != nil && !(last.judged() < s.Best.Loss) {
		return
	}
	best := &Best{Epoch: last.Number, Loss: last.judged(), ProbeRe: s.ProbeRe.Clone(), ProbeIm: s.ProbeIm.Clone()}
	for _, p := range s.Parameters {
		best.Parameters = append(best.Parameters, p.Clone())
	}
	s.Best = best
}

// stateFormat is the version of the state file's layout.
const stateFormat = 1

// historyColumns are the fields of Epoch that a state file keeps.
var historyColumns = []string{"epoch", "train_loss", "val_loss", "learning_rate", "seconds", "patterns_per_s"}

// SaveState writes a state beside path and renames it, so that a kill at any moment leaves the old state or the new one.
// dataDigest says which patterns it belongs to.
func (s *State) SaveState(path string, specs []models.Spec, dataDigest string) error {
	members := []npz.Member{
		{Key: "format", Value: int64(stateFormat)},
		{Key: "data_sha256", Value: dataDigest},
		{Key: "progress", Value: []int64{int64(s.Epoch), int64(s.Batch), int64(s.Samples), int64(s.Adam.Step)}},
		{Key: "loss_sum", Value: s.LossSum},
		{Key: "probe.re", Value: s.ProbeRe}, {Key: "probe.im", Value: s.ProbeIm},
	}
	for column, name := range historyColumns {
		values := make([]float64, len(s.History))
		for i, e := range s.History {
			values[i] = e.columns()[column]
		}
		members = append(members, npz.Member{Key: "history." + name, Value: values})
	}
	for i, spec := range specs {
		members = append(members, npz.Member{Key: "parameter." + spec.Name, Value: s.Parameters[i]})
	}
	for i := range s.Adam.First {
		members = append(members,
			npz.Member{Key: fmt.Sprintf("adam.first.%d", i), Value: s.Adam.First[i]},
			npz.Member{Key: fmt.Sprintf("adam.second.%d", i), Value: s.Adam.Second[i]})
	}
	if s.Best != nil {
		members = append(members, npz.Member{Key: "best", Value: []float64{float64(s.Best.Epoch), s.Best.Loss}},
			npz.Member{Key: "best.probe.re", Value: s.Best.ProbeRe}, npz.Member{Key: "best.probe.im", Value: s.Best.ProbeIm})
		for i, spec := range specs {
			members = append(members, npz.Member{Key: "best." + spec.Name, Value: s.Best.Parameters[i]})
		}
	}
	return npz.Write(path, members, npz.Stored)
}

func (e Epoch) columns() [6]float64 {
	return [6]float64{float64(e.Number), e.TrainLoss, e.ValLoss, e.LearningRate, e.Seconds, e.PatternsPerSecond}
}

// LoadState overwrites a fresh state, which gives the shapes, with the one in the file.
func (s *State) LoadState(path string, specs []models.Spec, dataDigest string) error {
	file, err := npz.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	l := stateLoader{file: file}
	if digest := l.text("data_sha256"); l.err == nil && digest != dataDigest {
		return &badinput.Error{File: path, Key: "data_sha256", Found: "the state of a training on other patterns", Expected: dataDigest, Remedy: "resume with the same --train-data-file"}
	}
	if format := l.ints("format", 1)[0]; l.err == nil && format != stateFormat {
		return &badinput.Error{File: path, Key: "format", Found: fmt.Sprintf("version %d", format), Expected: fmt.Sprintf("version %d", stateFormat), Remedy: "resume with the ptyx that wrote it, or train anew"}
	}
	progress := l.ints("progress", 4)
	s.Epoch, s.Batch, s.Samples, s.Adam.Step = progress[0], progress[1], progress[2], progress[3]
	s.LossSum = l.floats("loss_sum", 1)[0]
	l.into("probe.re", s.ProbeRe)
	l.into("probe.im", s.ProbeIm)
	for i, spec := range specs {
		l.into("parameter."+spec.Name, s.Parameters[i])
	}
	for i := range s.Adam.First {
		l.into(fmt.Sprintf("adam.first.%d", i), s.Adam.First[i])
		l.into(fmt.Sprintf("adam.second.%d", i), s.Adam.Second[i])
	}
	s.History = l.history(s.Epoch)
	if file.Has("best") {
		best := l.floats("best", 2)
		s.Best = &Best{Epoch: int(best[0]), Loss: best[1], ProbeRe: ndarray.New[float32](s.ProbeRe.Shape...), ProbeIm: ndarray.New[float32](s.ProbeRe.Shape...)}
		l.into("best.probe.re", s.Best.ProbeRe)
		l.into("best.probe.im", s.Best.ProbeIm)
		for _, spec := range specs {
			p := ndarray.New[float32](spec.Shape...)
			l.into("best."+spec.Name, p)
			s.Best.Parameters = append(s.Best.Parameters, p)
		}
	}
	return l.err
}

// stateLoader reads arrays of expected shapes and keeps the first fault.
type stateLoader struct {
	file *npz.Reader
	err  error
}

func (l *stateLoader) fault(key, found, expected string) {
	if l.err == nil {
		l.err = &badinput.Error{File: l.file.Path(), Key: key, Found: found, Expected: expected, Remedy: "the state belongs to another network or is damaged; train anew"}
	}
}

func (l *stateLoader) keep(err error) bool {
	if l.err == nil {
		l.err = err
	}
	return l.err == nil
}

func (l *stateLoader) text(key string) string {
	v, err := l.file.String(key)
	l.keep(err)
	return v
}

func (l *stateLoader) floats(key string, count int) []float64 {
	v, err := l.file.Float64s(key)
	if l.keep(err) && len(v) == count {
		return v
	}
	l.fault(key, fmt.Sprintf("%d values", len(v)), fmt.Sprint(count))
	return make([]float64, count)
}

func (l *stateLoader) ints(key string, count int) []int {
	out := make([]int, count)
	for i, v := range l.floats(key, count) {
		if !(v >= 0 && v < math.MaxInt32) {
			l.fault(key, fmt.Sprint(v), "a count")
			return make([]int, count)
		}
		out[i] = int(v)
	}
	return out
}

func (l *stateLoader) into(key string, dst *ndarray.Float32) {
	v, err := l.file.Float32(key)
	if !l.keep(err) {
		return
	}
	if !ndarray.SameShape(v.Shape, dst.Shape) {
		l.fault(key, fmt.Sprintf("shape %v", v.Shape), fmt.Sprint(dst.Shape))
		return
	}
	copy(dst.Data, v.Data)
}

func (l *stateLoader) history(epochs int) []Epoch {
	out := make([]Epoch, epochs)
	for column, name := range historyColumns {
		for i, v := range l.floats("history."+name, epochs) {
			e := &out[i]
			switch column {
			case 0:
				e.Number = int(v)
			case 1:
				e.TrainLoss = v
			case 2:
				e.ValLoss = v
			case 3:
				e.LearningRate = v
			case 4:
				e.Seconds = v
			case 5:
				e.PatternsPerSecond = v
			}
		}
	}
	return out
}
