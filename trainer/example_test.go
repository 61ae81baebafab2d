package trainer_test

import (
	"context"
	"fmt"
	"os"

	"ptyx/models"
	"ptyx/trainer"
)

// Train a small network for one epoch on nine patterns, and write its run directory.
func Example() {
	scan, err := trainer.OpenScan("../testdata/scan.npz", trainer.ScanOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer scan.Close()

	config := trainer.DefaultConfig()
	config.MaxEpochs, config.FiltersScale, config.Patterns = 1, 1, 2 // small, to be fast
	config.Gridsize, config.Probe, config.Network = 1, trainer.ProbeFixed, models.Pattern
	config.ValFraction = 0

	result, err := trainer.Train(context.Background(), trainer.Request{
		Config: config, Scans: []*trainer.Scan{scan}, Engine: trainer.Tape(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := result.Save(dir); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("epochs %d, on %s\n", result.State.Epoch, result.Device)
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		fmt.Println(f.Name())
	}
	// Output:
	// epochs 1, on Go
	// best.onnx
	// loss.png
	// metrics.csv
	// model.onnx
	// probe.npz
	// probe.png
}
