package trainer

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
)

// The files of a run directory.
const (
	ModelFile   = "model.onnx"
	MetricsFile = "metrics.csv"
	LossFile    = "loss.png"
	ConfigFile  = "config.yaml"
	ProbeFile   = "probe.npz"
	ProbeImage  = "probe.png"
	BestFile    = "best.onnx" // the model at the lowest loss; model.onnx is the last one
	StateFile   = "state.npz" // what --resume goes on from
)

// halfWritten matches what a training that was killed in the middle of a write has left beside its files: the name of one of
// them between a dot and a number.
var halfWritten = regexp.MustCompile(`^\.(model\.onnx|best\.onnx|metrics\.csv|loss\.png|config\.yaml|probe\.npz|probe\.png|state\.npz)\d+$`)

// Tidy removes from a run directory what a killed training has left half-written.
func Tidy(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking through the run directory: %w", err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && halfWritten.MatchString(e.Name()) {
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

// Save writes models, metrics, loss curve and probe to the run directory, which exists. Each file is written beside its
// place and renamed.
func (r *Result) Save(dir string) error {
	files := []runFile{
		{ModelFile, r.Model.Marshal()},
		{MetricsFile, metricsCSV(r.State.History)},
	}
	if r.Best != nil {
		files = append(files, runFile{BestFile, r.Best.Marshal()})
	}
	for _, f := range files {
		if err := destination.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return err
		}
	}
	if err := npz.Write(filepath.Join(dir, ProbeFile), r.probeMembers()); err != nil {
		return fmt.Errorf("writing the probe: %w", err)
	}
	if err := render.Probe(filepath.Join(dir, ProbeImage), r.Probes...); err != nil {
		return fmt.Errorf("drawing the probe: %w", err)
	}
	return r.saveLossCurve(filepath.Join(dir, LossFile))
}

// probeMembers are the first scan's probe, (N, N), and where there are several all of them, (P, N, N).
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

type runFile struct {
	name string
	data []byte
}

func (r *Result) saveLossCurve(path string) error {
	var train, val []float64
	for _, e := range r.State.History {
		train, val = append(train, e.TrainLoss), append(val, e.ValLoss)
	}
	if len(train) == 0 {
		return nil
	}
	if err := render.LossCurve(path, train, val); err != nil {
		return fmt.Errorf("drawing the loss curve: %w", err)
	}
	return nil
}

// metricsCSV is one line an epoch; val_loss is empty without validation.
func metricsCSV(history []Epoch) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{historyColumns()}
	for _, e := range history {
		val := ""
		if !math.IsNaN(e.ValLoss) {
			val = number(e.ValLoss)
		}
		rows = append(rows, []string{
			strconv.Itoa(e.Number), number(e.TrainLoss), val, number(e.LearningRate),
			strconv.FormatFloat(e.Seconds, 'f', 3, 64), strconv.FormatFloat(e.PatternsPerSecond, 'f', 1, 64),
		})
	}
	_ = w.WriteAll(rows) // a bytes.Buffer does not fail
	return b.Bytes()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
