package solve

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// savedFormat is the version of the layout of a state's file.
const savedFormat = 3

// keeper saves the state of a run to a file and loads it.
type keeper struct {
	resume, checkpoint string // files; empty: none
	facts              []fact
	found              []npz.Member // with which the run started, see Restore
}

func newKeeper(p Problem, o Options) (keeper, error) {
	if o.Resume == "" && o.Checkpoint == "" {
		return keeper{}, nil
	}
	facts, err := identify(p, o)
	return keeper{o.Resume, o.Checkpoint, facts, found(p, o)}, err
}

// Unsaved is the error of a run whose state could not be saved.
type Unsaved struct{ Cause error }

func (e *Unsaved) Error() string { return "saving the solver's state: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Unsaved) Unwrap() error { return e.Cause }

// save writes a state between two passes to the checkpoint, in one step. It makes the directory if there is none.
func (k keeper) save(g *guard) error {
	if k.checkpoint == "" {
		return nil
	}
	members := []npz.Member{{Key: "format", Value: int64(savedFormat)}}
	for _, f := range k.facts {
		members = append(members, npz.Member{Key: f.key, Value: f.value})
	}
	members = append(append(members, k.found...), g.state.numbers(g.best)...)
	for _, a := range g.arrays() {
		members = append(members, npz.Member{Key: a.key, Value: a.array})
	}
	if err := os.MkdirAll(filepath.Dir(k.checkpoint), 0o755); err != nil {
		return &Unsaved{err}
	}
	if err := npz.Write(k.checkpoint, members, npz.Stored); err != nil {
		return &Unsaved{err}
	}
	return nil
}

// numbers are the float64 and integer values of a state.
func (s *state) numbers(best *snapshot) []npz.Member {
	converged := int64(0)
	if s.converged {
		converged = 1
	}
	var passes, batches []int64
	var residuals []float64
	for _, p := range s.history {
		passes, batches = append(passes, int64(p.Number)), append(batches, int64(p.Batches))
		residuals = append(residuals, p.Residual)
	}
	members := []npz.Member{
		{Key: "progress", Value: []int64{int64(s.passes), converged, int64(s.memory.batches)}},
		{Key: "history.pass", Value: passes}, {Key: "history.residual", Value: residuals},
		{Key: "history.batches", Value: batches}, {Key: "losses", Value: s.memory.losses},
		{Key: "step_share", Value: s.stepShare}, {Key: "best.residual", Value: best.residual},
		{Key: "start", Value: []float64{s.start.y, s.start.x}},
		{Key: "noise", Value: s.noise}, {Key: "best.noise", Value: best.noise},
	}
	if s.variation != nil {
		members = append(members, npz.Member{Key: "weights", Value: s.variation.weights},
			npz.Member{Key: "best.weights", Value: best.weights})
	}
	if s.positions == nil {
		return members
	}
	members = append(members, []npz.Member{
		{Key: "y", Value: s.y}, {Key: "x", Value: s.x}, {Key: "best.y", Value: best.y}, {Key: "best.x", Value: best.x},
	}...)
	if s.memory.lastY != nil {
		members = append(members, npz.Member{Key: "last.y", Value: s.memory.lastY},
			npz.Member{Key: "last.x", Value: s.memory.lastX})
	}
	return members
}

// namedArray is an array with its key in a file.
type namedArray struct {
	key   string
	array *ndarray.Float32
}

// arrays lists objects and probes with their keys: those of the state, of the best state and of the pass before.
func (g *guard) arrays() []namedArray {
	s := g.state
	list := append(s.named("", s.unknowns()), s.named("best.", g.best.unknowns)...)
	if s.offset != nil {
		list = append(list, namedArray{"offset", s.offset.values},
			namedArray{"best.offset", ndarray.Wrap(g.best.offset, s.offset.values.Shape...)})
	}
	if s.memory.last != nil {
		list = append(list, s.named("last.", *s.memory.last)...)
	}
	return list
}

// named are object (H, W) and probe (K, N, N) with their keys, which begin with prefix.
func (s *state) named(prefix string, u unknowns) []namedArray {
	object := func(v []float32) *ndarray.Float32 { return ndarray.Wrap(v, s.object.height, s.object.width) }
	probe := func(v []float32) *ndarray.Float32 { return ndarray.Wrap(v, s.probeRe.Shape...) }
	return []namedArray{
		{prefix + "object.re", object(u.object[0])}, {prefix + "object.im", object(u.object[1])},
		{prefix + "probe.re", probe(u.probe[0])}, {prefix + "probe.im", probe(u.probe[1])},
	}
}

// load overwrites a fresh state by the one of the file to resume from, if there is one.
func (k keeper) load(g *guard) error {
	if k.resume == "" {
		return nil
	}
	l, err := openState(k.resume)
	if err != nil {
		return err
	}
	defer l.file.Close()
	if err := k.compare(l); err != nil {
		return err
	}
	l.loadNumbers(g)
	if s := g.state; l.file.Has("last.object.re") {
		s.memory.last = s.unknowns().clone()
	}
	for _, a := range g.arrays() {
		l.Into(a.key, a.array)
	}
	return l.Err()
}

// openState opens the file of a state of this version.
func openState(path string) (l savedState, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return l, &badinput.Error{
			File: path, Found: "no such file", Expected: "the state of a run", Remedy: "start one without --resume",
		}
	}
	file, err := npz.Open(path)
	if err != nil {
		return l, err
	}
	l = savedState{npz.NewFields(file, "the file is damaged: start anew without --resume"), file}
	if format := l.Counts("format", 1)[0]; l.Err() == nil && format != savedFormat {
		l.Keep(&badinput.Error{
			File: path, Key: "format", Found: fmt.Sprintf("version %d", format),
			Expected: fmt.Sprintf("version %d", savedFormat),
			Remedy:   "resume with the ptyx that wrote it, or start anew without --resume",
		})
	}
	if err := l.Err(); err != nil {
		return l, errors.Join(err, file.Close())
	}
	return l, nil
}

// compare refuses the state of another run, and keeps the file's value of facts that are not compared.
func (k keeper) compare(l savedState) error {
	for i, f := range k.facts {
		found := l.Text(f.key)
		if l.Err() != nil {
			return l.Err()
		}
		if err := f.check(k.resume, found); err != nil {
			return err
		}
		k.facts[i].value = found // to save again; another one only if it is ignored
	}
	return nil
}

// savedState is the file of a state that is read.
type savedState struct {
	*npz.Fields
	file *npz.Reader
}

func (l savedState) loadNumbers(g *guard) {
	s := g.state
	progress := l.Counts("progress", 3)
	s.passes, s.converged, s.memory.batches = progress[0], progress[1] != 0, progress[2]
	if most := s.options.Passes; l.Err() == nil && s.passes > most {
		l.Keep(&badinput.Error{
			File: l.file.Path(), Key: "--iterations", Found: fmt.Sprint(most),
			Expected: fmt.Sprintf("%d or more, the passes that are made", s.passes),
			Remedy:   "raise it, or start anew without --resume",
		})
	}
	if s.memory.batches > len(s.x) || s.options.Method == LSQML && s.memory.batches < 1 {
		l.Fault("progress", fmt.Sprintf("%d batches", s.memory.batches), fmt.Sprintf("1 to %d", len(s.x)))
	}
	s.history = l.history(s.passes)
	s.memory.losses = l.list("losses", s.passes)
	s.stepShare = l.number("step_share", leastStepShare, 1)
	g.best.residual = l.number("best.residual", 0, math.MaxFloat64)
	if start := l.Floats("start", 2); start != nil {
		s.start = centroid{start[0], start[1]}
	}
	s.noise, g.best.noise = l.number("noise", 0, math.MaxFloat64), l.number("best.noise", 0, math.MaxFloat64)
	if s.variation != nil {
		copy(s.variation.weights, l.Floats("weights", len(s.variation.weights)))
		copy(g.best.weights, l.Floats("best.weights", len(g.best.weights)))
	}
	if s.positions != nil {
		l.loadPositions(g)
	}
}

func (l savedState) loadPositions(g *guard) {
	s := g.state
	l.coordinates("y", s.y, s.positions.y0)
	l.coordinates("x", s.x, s.positions.x0)
	l.coordinates("best.y", g.best.y, s.positions.y0)
	l.coordinates("best.x", g.best.x, s.positions.x0)
	if l.file.Has("last.y") {
		s.memory.lastY, s.memory.lastX = make([]float64, len(s.y)), make([]float64, len(s.x))
		l.coordinates("last.y", s.memory.lastY, s.positions.y0)
		l.coordinates("last.x", s.memory.lastX, s.positions.x0)
	}
}

// coordinates fills positions along an axis, (M). All lie in the reach of the given ones: others may be off the canvas.
func (l savedState) coordinates(key string, to, given []float64) {
	for i, v := range l.Floats(key, len(to)) {
		if v != limited(v, given[i]) {
			l.Fault(key, fmt.Sprint(v), fmt.Sprintf("at most %d pixels from %v", positionReach-1, given[i]))
			return
		}
		to[i] = v
	}
}

// number reads one number within limits.
func (l savedState) number(key string, least, most float64) float64 {
	for _, v := range l.Floats(key, 1) {
		if v >= least && v <= most {
			return v
		}
		l.Fault(key, fmt.Sprint(v), fmt.Sprintf("%g to %g", least, most))
	}
	return 0
}

// list reads at most so many numbers.
func (l savedState) list(key string, most int) []float64 {
	values, err := l.file.Float64s(key)
	if l.Keep(err) && len(values) > most {
		l.Fault(key, fmt.Sprintf("%d values", len(values)), fmt.Sprintf("at most %d", most))
	}
	return values
}

// history reads the passes that count, at most so many.
func (l savedState) history(most int) (history []Pass) {
	residuals := l.list("history.residual", most)
	if l.Err() == nil && len(residuals) == 0 {
		l.Fault("history.residual", "no pass", "one or more")
	}
	if l.Err() != nil {
		return nil
	}
	numbers, batches := l.Counts("history.pass", len(residuals)), l.Counts("history.batches", len(residuals))
	for i, residual := range residuals {
		history = append(history, Pass{Number: numbers[i], Residual: residual, Batches: batches[i]})
	}
	return history
}
