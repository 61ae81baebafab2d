package main

import (
	"github.com/alecthomas/kong"

	"ptyx/internal/app/workflow"
)

// given are the names of the flags that were on the command line.
func given(parsed *kong.Context) map[string]bool {
	names := map[string]bool{}
	for _, p := range parsed.Path {
		if p.Flag != nil {
			names[p.Flag.Name] = true
		}
	}
	return names
}

// options is short for what a flag is laid over.
type options = workflow.TrainOptions

// overlays say which setting each flag of train is, so that a flag that is given wins over a configuration file. A flag that is no
// setting of a training (what to read it from, where to show it) is not among them.
func overlays() map[string]func(to *options, from options) {
	return map[string]func(to *options, from options){
		"train-data-file": func(to *options, from options) { to.TrainFiles = from.TrainFiles },
		"test-data-file":  func(to *options, from options) { to.TestFiles = from.TestFiles },
		"probe-file":      func(to *options, from options) { to.ProbeFiles = from.ProbeFiles },
		"output-dir":      func(to *options, from options) { to.OutputDir = from.OutputDir },
		"export":          func(to *options, from options) { to.Export = from.Export },
		"init":            func(to *options, from options) { to.Init = from.Init },
		"memory-limit":    func(to *options, from options) { to.Memory = from.Memory },
		"input":           func(to *options, from options) { to.Input = from.Input },
		"layout":          func(to *options, from options) { to.Layout = from.Layout },

		"max-epochs":      func(to *options, from options) { to.Config.MaxEpochs = from.Config.MaxEpochs },
		"n-images":        func(to *options, from options) { to.Config.Patterns = from.Config.Patterns },
		"gridsize":        func(to *options, from options) { to.Config.Gridsize = from.Config.Gridsize },
		"neighbours":      func(to *options, from options) { to.Config.Neighbours = from.Config.Neighbours },
		"oversample":      func(to *options, from options) { to.Config.Oversample = from.Config.Oversample },
		"batch-size":      func(to *options, from options) { to.Config.BatchSize = from.Config.BatchSize },
		"grouping":        func(to *options, from options) { to.Config.Grouping = from.Config.Grouping },
		"learning-rate":   func(to *options, from options) { to.Config.LearningRate = from.Config.LearningRate },
		"schedule":        func(to *options, from options) { to.Config.Schedule = from.Config.Schedule },
		"warm-up":         func(to *options, from options) { to.Config.WarmUp = from.Config.WarmUp },
		"mode":            func(to *options, from options) { to.Config.Mode = from.Config.Mode; layLoss(to, from) },
		"loss":            layLoss,
		"poisson-weight":  func(to *options, from options) { to.Config.Loss.Poisson = from.Config.Loss.Poisson },
		"mae-weight":      func(to *options, from options) { to.Config.Loss.MAE = from.Config.Loss.MAE },
		"smoothness":      func(to *options, from options) { to.Config.Loss.Smoothness = from.Config.Loss.Smoothness },
		"clip":            func(to *options, from options) { to.Config.Clip = from.Config.Clip },
		"early-stop":      func(to *options, from options) { to.Config.EarlyStop = from.Config.EarlyStop },
		"val-fraction":    func(to *options, from options) { to.Config.ValFraction = from.Config.ValFraction },
		"nphotons":        func(to *options, from options) { to.Config.Photons = from.Config.Photons },
		"seed":            func(to *options, from options) { to.Config.Seed = from.Config.Seed },
		"network":         func(to *options, from options) { to.Config.Network = from.Config.Network },
		"n-filters-scale": func(to *options, from options) { to.Config.FiltersScale = from.Config.FiltersScale },
		"object-extent":   func(to *options, from options) { to.Config.Extent = from.Config.Extent },
		"probe":           func(to *options, from options) { to.Config.Probe = from.Config.Probe },
		"probe-passes":    func(to *options, from options) { to.Config.ProbePasses = from.Config.ProbePasses },
		"probe-rate":      func(to *options, from options) { to.Config.ProbeRate = from.Config.ProbeRate },
		"probe-warm-up":   func(to *options, from options) { to.Config.ProbeWarmUp = from.Config.ProbeWarmUp },

		"crop":              func(to *options, from options) { to.View.Crop = from.View.Crop },
		"bin":               func(to *options, from options) { to.View.Bin = from.View.Bin },
		"positions-file":    func(to *options, from options) { to.View.PositionsFile = from.View.PositionsFile },
		"sample-motion":     func(to *options, from options) { to.View.SampleMotion = from.View.SampleMotion },
		"swap-xy":           func(to *options, from options) { to.View.SwapXY = from.View.SwapXY },
		"flip-x":            func(to *options, from options) { to.View.FlipX = from.View.FlipX },
		"flip-y":            func(to *options, from options) { to.View.FlipY = from.View.FlipY },
		"pixel-size-nm":     func(to *options, from options) { to.View.PixelSizeNM = from.View.PixelSizeNM },
		"energy-ev":         func(to *options, from options) { to.View.EnergyEV = from.View.EnergyEV },
		"distance-m":        func(to *options, from options) { to.View.DistanceM = from.View.DistanceM },
		"detector-pixel-um": func(to *options, from options) { to.View.DetectorPixelUM = from.View.DetectorPixelUM },
		"hdf5":              func(to *options, from options) { to.View.Library = from.View.Library },

		"engine":      func(to *options, from options) { to.Engine.Kind = from.Engine.Kind },
		"device":      func(to *options, from options) { to.Engine.Device = from.Engine.Device },
		"threads":     func(to *options, from options) { to.Engine.Threads = from.Engine.Threads },
		"onnxruntime": func(to *options, from options) { to.Engine.Library = from.Engine.Library },
		"profile":     func(to *options, from options) { to.Engine.Profile = from.Engine.Profile },
	}
}

// layLoss takes the weights as --mode and --loss say them, which is also what the flags of the weights have said.
func layLoss(to *options, from options) {
	to.Config.Loss.Poisson, to.Config.Loss.MAE = from.Config.Loss.Poisson, from.Config.Loss.MAE
}

// overlay lays the flags that were given over the options of a file.
func overlay(file, flags options, given map[string]bool) options {
	for name, lay := range overlays() { // each sets what no other does, or the same: the order is free
		if given[name] {
			lay(&file, flags)
		}
	}
	return file
}
