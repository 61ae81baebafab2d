package trainer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
)

// The files of a run directory.
const (
	ModelFile   = "model.onnx" // after the last epoch
	BestFile    = "best.onnx"  // after the epoch of lowest loss
	MetricsFile = "metrics.csv"
	LossFile    = "loss.png"
	ConfigFile  = "config.yaml"
	ProbeFile   = "probe.npz"
	ProbeImage  = "probe.png"
	StateFile   = "state.npz" // from which a training resumes
)

// temporary matches files that a killed training left half-written: the name of a run file between a dot and a number.
var temporary = regexp.MustCompile(`^\.(.*?)\d+$`)

// Tidy removes half-written files of a killed training from a run directory.
func Tidy(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking through the run directory: %w", err)
	}
	files := []string{
		ModelFile, BestFile, MetricsFile, LossFile, ConfigFile, ProbeFile, ProbeImage, StateFile,
	}
	for _, e := range entries {
		match := temporary.FindStringSubmatch(e.Name())
		if e.Type().IsRegular() && match != nil && slices.Contains(files, match[1]) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("tidying the run directory: %w", err)
			}
		}
	}
	return nil
}

// SaveConfig writes settings, everything needed to run the training again, to a run directory.
func SaveConfig(dir string, settings any) error {
	config, err := yaml.Marshal(settings)
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return destination.WriteFile(filepath.Join(dir, ConfigFile), config, 0o644)
}

// Save writes models, metrics, loss curve and probe to the run directory, which must exist. Each file replaces an older
// one in a single step.
func (r *Result) Save(dir string) error {
	write := func(name string, data []byte) error {
		return destination.WriteFile(filepath.Join(dir, name), data, 0o644)
	}
	if err := write(ModelFile, r.Model.Marshal()); err != nil {
		return err
	}
	if r.Best != nil {
		if err := write(BestFile, r.Best.Marshal()); err != nil {
			return err
		}
	}
	if err := npz.Write(filepath.Join(dir, ProbeFile), r.probeMembers()); err != nil {
		return fmt.Errorf("writing the probe: %w", err)
	}
	if err := render.Probe(filepath.Join(dir, ProbeImage), r.Probes...); err != nil {
		return fmt.Errorf("drawing the probe: %w", err)
	}
	return saveHistory(dir, r.State.History)
}

// saveHistory writes metrics and the loss curve.
func saveHistory(dir string, history []Epoch) error {
	if err := destination.WriteFile(filepath.Join(dir, MetricsFile), metricsCSV(history), 0o644); err != nil {
		return err
	}
	var train, val []float64
	for _, e := range history {
		train, val = append(train, e.TrainLoss), append(val, e.ValLoss)
	}
	if len(train) == 0 {
		return nil
	}
	if err := render.LossCurve(filepath.Join(dir, LossFile), train, val); err != nil {
		return fmt.Errorf("drawing the loss curve: %w", err)
	}
	return nil
}

// probeMembers are the first scan's probe, (N, N), and for several scans all of them, (P, N, N).
func (r *Result) probeMembers() []npz.Member {
	members := []npz.Member{{Key: "probeGuess", Value: r.Probes[0]}}
	if len(r.Probes) > 1 {
		n := r.Probes[0].Shape[0]
		all := ndarray.New[complex64](len(r.Probes), n, n)
		for i, p := range r.Probes {
			copy(all.Data[i*n*n:], p.Data)
		}
		members = append(members, npz.Member{Key: "probes", Value: all})
	}
	return members
}

// metricsCSV writes one line an epoch; val_loss is empty without validation.
func metricsCSV(history []Epoch) []byte {
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 8, 64)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{historyColumns()}
	for _, e := range history {
		rows = append(rows, []string{
			strconv.Itoa(e.Number), number(e.TrainLoss), number(e.ValLoss), number(e.LearningRate),
			strconv.FormatFloat(e.Seconds, 'f', 3, 64), strconv.FormatFloat(e.PatternsPerSecond, 'f', 1, 64),
		})
	}
	_ = w.WriteAll(rows) // a bytes.Buffer does not fail
	return b.Bytes()
}

// ReadMetrics reads the epochs of a run directory's metrics.csv; none if there is no such file. An empty loss is NaN.
// Faults of the file are *badinput.Error.
func ReadMetrics(dir string) ([]Epoch, error) {
	path := filepath.Join(dir, MetricsFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, &badinput.Error{File: path, Found: "no table", Expected: "the metrics.csv of a run", Cause: err}
	}
	var history []Epoch
	for _, row := range rows[1:] {
		e, err := readEpoch(row)
		if err != nil {
			return nil, &badinput.Error{
				File: path, Found: "a line that cannot be read", Expected: "epoch, train_loss, val_loss, ...",
				Cause: err,
			}
		}
		history = append(history, e)
	}
	return history, nil
}

// readEpoch reads a line of metrics.csv: the first columns, up to the learning rate.
func readEpoch(row []string) (Epoch, error) {
	const needed = 4
	if len(row) < needed {
		return Epoch{}, errors.New("too few columns")
	}
	number, err := strconv.Atoi(row[0])
	if err != nil {
		return Epoch{}, err
	}
	columns := [6]float64{float64(number), 0, math.NaN()}
	for i, text := range row[:needed] {
		if text == "" || i == 0 {
			continue
		}
		if columns[i], err = strconv.ParseFloat(text, 64); err != nil {
			return Epoch{}, err
		}
	}
	return epochOf(columns), nil
}
