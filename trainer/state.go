package trainer

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/models"
)

// State is all that changes during a training. A training that resumes from a saved state continues bit for bit as if
// never stopped, because all random draws depend on the seed and the epoch alone.
type State struct {
	Parameters  []*ndarray.Float32 // of the network, in the order of models.Config.Specs
	ProbeRe     *ndarray.Float32   // (N, N), power N^2; for several scans (P, N, N), power N^2 * Exposure
	ProbeIm     *ndarray.Float32
	Start       []*ndarray.Float32 // the first Parameters, if training is anchored to them; else nil
	ScanWeights *ndarray.Float32   // (P), of the patterns of each scan in the loss, 1 on average
	Exposure    []float64          // brightness of each scan relative to the mean; not saved, follows from the data
	Optimiser   Optimiser
	Epoch       int     // epochs finished
	Batch       int     // batches finished of the current epoch
	LossSum     float64 // over the samples of the current epoch
	Samples     int     // samples in LossSum
	History     []Epoch
	Best        *Best // nil before the end of the first epoch
}

// Best is the state after the epoch of lowest loss.
type Best struct {
	Epoch            int
	Loss             float64
	Parameters       []*ndarray.Float32
	ProbeRe, ProbeIm *ndarray.Float32
}

// parameters lists the parameters in the order of the step's inputs and gradients, with the probe behind them or
// without.
func (s *State) parameters(probe bool) []*ndarray.Float32 {
	if !probe {
		return slices.Clone(s.Parameters)
	}
	return append(slices.Clone(s.Parameters), s.ProbeRe, s.ProbeIm)
}

// inputs lists what a step reads beside its batch, with the probe or without.
func (s *State) inputs(probe bool) []*ndarray.Float32 { return append(s.parameters(probe), s.Start...) }

// sent lists what another machine needs for a shard of a step.
func (s *State) sent() []*ndarray.Float32 { return append(s.inputs(true), s.ScanWeights) }

// keepBest copies the parameters if the last epoch has the lowest loss so far.
func (s *State) keepBest() {
	last := s.History[len(s.History)-1]
	if s.Best != nil && !(last.judged() < s.Best.Loss) {
		return
	}
	s.Best = &Best{Epoch: last.Number, Loss: last.judged(), ProbeRe: s.ProbeRe.Clone(), ProbeIm: s.ProbeIm.Clone()}
	for _, p := range s.Parameters {
		s.Best.Parameters = append(s.Best.Parameters, p.Clone())
	}
}

// stateFormat is the version of the state file. It counts layouts and orders of batches: a training that resumes in the
// middle of an epoch must see the other batches of that epoch.
const stateFormat = 4

// namedArray is an array with its key in a state file.
type namedArray struct {
	name  string
	array *ndarray.Float32
}

// arrays lists the network, the probes with the weights of their scans, the start and the optimiser with their keys, in
// two parts: between them a state file holds the history.
func (s *State) arrays(specs []models.Spec) (probe, others []namedArray) {
	if s.ProbeRe != nil { // a pretraining has none
		probe = []namedArray{{"probe.re", s.ProbeRe}, {"probe.im", s.ProbeIm}, {"scan_weights", s.ScanWeights}}
	}
	for i, spec := range specs {
		others = append(others, namedArray{"parameter." + spec.Name, s.Parameters[i]})
	}
	for i, start := range s.Start {
		others = append(others, namedArray{"start." + specs[i].Name, start})
	}
	return probe, append(others, optimiserArrays(defaultOptimiser, s.Optimiser)...)
}

// arrays lists the arrays of the best epoch with their keys.
func (b *Best) arrays(specs []models.Spec) []namedArray {
	list := []namedArray{{"best.probe.re", b.ProbeRe}, {"best.probe.im", b.ProbeIm}}
	for i, spec := range specs {
		list = append(list, namedArray{"best." + spec.Name, b.Parameters[i]})
	}
	return list
}

// SaveState writes a state to a file beside path and renames it, so that a kill at any moment leaves the old state or
// the new one. dataDigest identifies the training data.
func (s *State) SaveState(path string, specs []models.Spec, dataDigest string) error {
	progress := []int64{int64(s.Epoch), int64(s.Batch), int64(s.Samples), int64(*s.Optimiser.Updates())}
	members := []npz.Member{
		{Key: "format", Value: int64(stateFormat)}, {Key: "data_sha256", Value: dataDigest},
		{Key: "progress", Value: progress}, {Key: "loss_sum", Value: s.LossSum},
	}
	add := func(list []namedArray) {
		for _, a := range list {
			members = append(members, npz.Member{Key: a.name, Value: a.array})
		}
	}
	probe, others := s.arrays(specs)
	add(probe)
	for column, name := range historyColumns() {
		var values []float64
		for _, e := range s.History {
			values = append(values, e.columns()[column])
		}
		members = append(members, npz.Member{Key: "history." + name, Value: values})
	}
	add(others)
	if s.Best != nil {
		members = append(members, npz.Member{Key: "best", Value: []float64{float64(s.Best.Epoch), s.Best.Loss}})
		add(s.Best.arrays(specs))
	}
	return npz.Write(path, members, npz.Stored)
}

// historyColumns are the names of an epoch's numbers in state files and in metrics.csv.
func historyColumns() []string {
	return []string{"epoch", "train_loss", "val_loss", "learning_rate", "seconds", "patterns_per_s"}
}

func (e Epoch) columns() [6]float64 {
	return [6]float64{float64(e.Number), e.TrainLoss, e.ValLoss, e.LearningRate, e.Seconds, e.PatternsPerSecond}
}

func epochOf(columns [6]float64) Epoch {
	return Epoch{
		Number: int(columns[0]), TrainLoss: columns[1], ValLoss: columns[2], LearningRate: columns[3],
		Seconds: columns[4], PatternsPerSecond: columns[5],
	}
}

// LoadState overwrites a fresh state, whose arrays have the expected shapes, with the one in the file. Faults of the
// file are *badinput.Error.
func (s *State) LoadState(path string, specs []models.Spec, dataDigest string) error {
	file, err := npz.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	l := npz.NewFields(file, "the state belongs to another network or is damaged; train anew")
	if digest := l.Text("data_sha256"); l.Err() == nil && digest != dataDigest {
		return &badinput.Error{
			File: path, Key: "data_sha256", Found: "the state of a training on other patterns", Expected: dataDigest,
			Remedy: "resume with the same --train-data-file",
		}
	}
	if format := l.Counts("format", 1)[0]; l.Err() == nil && format != stateFormat {
		return &badinput.Error{
			File: path, Key: "format", Found: fmt.Sprintf("version %d", format),
			Expected: fmt.Sprintf("version %d", stateFormat),
			Remedy:   "resume with the ptyx that wrote it, or train anew",
		}
	}
	progress := l.Counts("progress", 4)
	s.Epoch, s.Batch, s.Samples, *s.Optimiser.Updates() = progress[0], progress[1], progress[2], progress[3]
	for _, sum := range l.Floats("loss_sum", 1) {
		s.LossSum = sum
	}
	probe, others := s.arrays(specs)
	load(l, append(probe, others...))
	s.History = savedHistory(l, s.Epoch)
	if file.Has("best") {
		best := l.Floats("best", 2)
		if l.Err() != nil {
			return l.Err()
		}
		if !(best[0] >= 1 && best[0] <= float64(len(s.History))) {
			l.Fault("best", fmt.Sprintf("epoch %g", best[0]), fmt.Sprintf("one of %d", len(s.History)))
			return l.Err()
		}
		s.Best = &Best{
			Epoch: int(best[0]), Loss: best[1],
			ProbeRe: ndarray.New[float32](s.ProbeRe.Shape...), ProbeIm: ndarray.New[float32](s.ProbeRe.Shape...),
		}
		for _, spec := range specs {
			s.Best.Parameters = append(s.Best.Parameters, ndarray.New[float32](spec.Shape...))
		}
		load(l, s.Best.arrays(specs))
	}
	return l.Err()
}

// load fills arrays from a file.
func load(l *npz.Fields, list []namedArray) {
	for _, a := range list {
		l.Into(a.name, a.array)
	}
}

func savedHistory(l *npz.Fields, epochs int) []Epoch {
	var rows [][6]float64
	for column, name := range historyColumns() {
		values := l.Floats("history."+name, epochs)
		if l.Err() != nil {
			return nil // before a damaged count decides an allocation
		}
		if rows == nil {
			rows = make([][6]float64, epochs)
		}
		for i, v := range values {
			rows[i][column] = v
		}
	}
	var out []Epoch
	for _, row := range rows {
		out = append(out, epochOf(row))
	}
	return out
}
