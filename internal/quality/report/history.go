package report

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"ptyx/internal/base/badinput"
	"ptyx/trainer"
)

// History reads the losses of a run directory's metrics.csv; none where there is no such file.
func History(dir string) ([]trainer.Epoch, error) {
	path := filepath.Join(dir, trainer.MetricsFile)
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
	var history []trainer.Epoch
	for _, row := range rows[1:] {
		e, err := epochOf(row)
		if err != nil {
			return nil, &badinput.Error{File: path, Found: "a line that cannot be read", Expected: "epoch, train_loss, val_loss, ...", Cause: err}
		}
		history = append(history, e)
	}
	return history, nil
}

// epochOf reads a line; an empty validation loss is NaN.
func epochOf(row []string) (e trainer.Epoch, err error) {
	const columns = 4 // that are read: number, losses, learning rate
	if len(row) < columns {
		return e, errors.New("too few columns")
	}
	if e.Number, err = strconv.Atoi(row[0]); err != nil {
		return e, err
	}
	e.ValLoss = math.NaN()
	for i, to := range []*float64{&e.TrainLoss, &e.ValLoss, &e.LearningRate} {
		if text := row[i+1]; text != "" {
			if *to, err = strconv.ParseFloat(text, 64); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}
