package export_test

import (
	"fmt"
	"strings"

	"ptyx/export"
	"ptyx/models"
)

// Write an untrained network as an ONNX model, and read it back as a graph for a batch of four.
func ExampleCheckpoint() {
	config := models.Config{
		Kind: models.Pattern, N: 64, Channels: 1, FiltersScale: 1, Extent: models.Full,
		InputScale: 0.05, AmplitudeMax: models.DefaultAmplitudeMax,
	}
	contract := export.Contract{
		Gridsize: 1, TrainingInput: "amplitude", Photons: 1e6, Loss: "poisson", Engine: "tape", Device: "Go",
		DataDigest: strings.Repeat("0", 64),
		Probe:      &models.ComplexArray{Shape: []int{64, 64}, Data: make([]complex64, 64*64)},
	}
	model, err := export.Checkpoint(config, config.Initialise(1), contract)
	if err != nil {
		fmt.Println(err)
		return
	}
	data := model.Marshal() // the bytes of the .onnx file
	read, err := export.ReadContract(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(read.Network, read.N, read.Photons)
	program, err := export.Rebuild(data, 4)
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
	// pattern 64 1e+06
	// amplitude_measured (4, 1, 64, 64)
	// amplitude (4, 1, 64, 64)
	// phase (4, 1, 64, 64)
}
