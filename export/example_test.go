package export_test

import (
	"fmt"

	"ptyx/export"
	"ptyx/models"
)

// Write an untrained network as an ONNX model, and read it back as a graph for a batch of four.
func ExampleCheckpoint() {
	config := models.Config{
		Kind: models.Pattern, N: 64, Channels: 1, FiltersScale: 1, Extent: models.Full,
		InputScale: 0.05, AmplitudeMax: models.DefaultAmplitudeMax,
	}
	probe := &models.ComplexArray{Shape: []int{64, 64}, Data: make([]complex64, 64*64)}
	contract := export.Contract{N: 64, Channels: 1, Network: "pattern", ObjectExtent: "full", Probe: probe}
	model, err := export.Checkpoint(config, config.Initialise(1), contract)
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := export.Rebuild(model.Marshal(), 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, in := range program.Inputs {
		fmt.Println(in.Name, in.Node.Shape())
	}
	for _, out := range program.Outputs {
		fmt.Println(out.Name, out.Node.Shape())
	}
	// Output:
	// amplitude_measured (4, 1, 64, 64)
	// amplitude (4, 1, 64, 64)
	// phase (4, 1, 64, 64)
}
