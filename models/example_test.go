package models_test

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"ptyx/models"
)

// Build the graph of a network for two patterns of 64 x 64 pixels.
func ExampleBuild() {
	config := models.Config{
		Kind: models.Pattern, N: 64, Channels: 1, FiltersScale: 1, Extent: models.Full,
		InputScale: 0.05, AmplitudeMax: models.DefaultAmplitudeMax,
	}
	g := gorgonia.NewGraph()
	leaf := func(name string, shape ...int) *gorgonia.Node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	var inputs, params []*gorgonia.Node
	for _, in := range config.Inputs() {
		inputs = append(inputs, leaf(in.Name, append([]int{2}, in.Shape...)...))
	}
	for _, s := range config.Specs() {
		params = append(params, leaf(s.Name, s.Shape...))
	}
	net, err := models.Build(config, inputs, params)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(inputs[0].Name(), inputs[0].Shape())
	fmt.Println("amplitude", net.Amplitude.Shape(), "phase", net.Phase.Shape())
	// Output:
	// amplitude_measured (2, 1, 64, 64)
	// amplitude (2, 1, 64, 64) phase (2, 1, 64, 64)
}

// Draw the parameters of a network.
func ExampleConfig_Initialise() {
	config := models.Config{
		Kind: models.Unrolled, N: 64, Channels: 1, FiltersScale: 1, Extent: models.Full,
		InputScale: 0.05, AmplitudeMax: models.DefaultAmplitudeMax,
	}
	params := config.Initialise(1)
	fmt.Println(config.ParameterCount(), "values")
	for i, s := range config.Specs()[:4] {
		fmt.Println(s.Name, params[i].Shape)
	}
	// Output:
	// 58058 values
	// light.weight [16 16 3 3]
	// light.bias [16]
	// floor [1]
	// stage.0.step [1]
}
