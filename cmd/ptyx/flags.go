package main

import (
	"log/slog"
	"os"
	"strconv"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	"ptyx/internal/service/cluster"
	ort "ptyx/runtime"
)

// The flags that several commands share.

// scanFlags say how to read a scan.
type scanFlags struct {
	inputFlags `embed:""`
	ProbeFile  string `placeholder:"FILE[:PATH]" help:"Probe of the scan. Default: the one in the scan's file."`
	viewFlags  `embed:""`
}

func (f scanFlags) read() dataset.Options {
	return dataset.Options{Input: f.Input, Orientation: f.Layout, ProbeFile: f.ProbeFile, View: f.view()}
}

// inputFlags describe the array of patterns.
type inputFlags struct {
	LayoutFile settings.LayoutFile `placeholder:"YAML" help:"File with values for the flags of this group."`

	Input  dataset.InputKind   `default:"auto" help:"Kind of the patterns: amplitude, intensity (counts) or auto."`
	Layout dataset.Orientation `default:"auto" help:"Axes of the patterns: frames-first, frames-last or auto."`
}

// viewFlags choose part of the detector, the sense of the axes, and units.
type viewFlags struct {
	placeFlags    `embed:""`
	PositionsFile string `placeholder:"FILE[:PATH]" help:"File of the positions, also CSV; joined by index if it can."`
	detectorFlags `embed:""`
	axisFlags     `embed:""`
}

// placeFlags say where arrays are in a file that no layout describes, and what it does not state of them.
type placeFlags struct {
	Patterns string        `placeholder:"PATH" help:"Array of the patterns. Default: by the file's layout."`
	X        string        `name:"x" placeholder:"NAME" help:"Array or column of the horizontal positions."`
	Y        string        `name:"y" placeholder:"NAME" help:"Array or column of the vertical positions."`
	Unit     source.Unit   `placeholder:"UNIT" help:"Unit of the positions: px, m, mm, um or nm. Default: the file's."`
	Raster   source.Raster `placeholder:"ROWSxCOLS" help:"Positions are a raster. Default: the file's positions."`
	StepNM   float64       `name:"step-nm" placeholder:"NM" help:"Step of the raster in nanometres."`
	Mask     string        `placeholder:"FILE[:PATH]" help:"Mask of the detector: pixels above 0 are bad."`

	FollowLinks string `placeholder:"DIR" help:"Folder that HDF5 files may link into, besides their own."`
}

// detectorFlags choose part of the detector.
type detectorFlags struct {
	Crop dataset.Crop `placeholder:"auto|SIZE[@ROW,COL]" help:"Square of the detector kept; auto: around the light."`
	Bin  binning      `default:"1" help:"Detector pixels summed into one, along each axis."`
}

// binning is 1 or more. In dataset.View, 0 stands for no binning; of a user it is a mistake.
type binning int

// UnmarshalText reads a binning from a flag or a file of settings.
func (b *binning) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 {
		return &badinput.Error{Found: strconv.Quote(string(text)), Expected: "a whole number, 1 or more"}
	}
	*b = binning(n)
	return nil
}

// axisFlags say which way the positions point, and in what unit they are.
type axisFlags struct {
	SampleMotion *bool   `help:"Read positions as the sample's, not the beam's. Default: by the file's layout."`
	RotationDeg  float64 `name:"rotation-deg" placeholder:"DEG" help:"Angle that turns the positions, before all else."`
	SwapXY       bool    `name:"swap-xy" help:"Exchange columns and rows of the positions, before any flip."`
	FlipX        bool    `help:"Mirror the columns of the positions."`
	FlipY        bool    `help:"Mirror the rows of the positions."`
	opticsFlags  `embed:""`
	HDF5         string `name:"hdf5" placeholder:"PATH" help:"HDF5 library. Default: the usual places."`
}

// opticsFlags give what a file with positions in metres may lack.
type opticsFlags struct {
	PixelSizeNM     float64 `name:"pixel-size-nm" placeholder:"NM" help:"Pixel size of the object in nanometres."`
	EnergyEV        float64 `name:"energy-ev" placeholder:"EV" help:"Photon energy in electronvolts."`
	Electrons       bool    `help:"Take --energy-ev as the energy of electrons, not of photons."`
	DistanceM       float64 `name:"distance-m" placeholder:"M" help:"Distance from sample to detector in metres."`
	DetectorPixelUM float64 `name:"detector-pixel-um" placeholder:"UM" help:"Unbinned detector pixel in micrometres."`
}

// view is the part of the detector, the axes and the units that the flags choose.
func (f viewFlags) view() dataset.View {
	return dataset.View{
		Library: f.HDF5, Patterns: f.Patterns, PositionsFile: f.PositionsFile, X: f.X, Y: f.Y, Unit: f.Unit,
		Raster: f.Raster, StepNM: f.StepNM, RotationDeg: f.RotationDeg, Electrons: f.Electrons,
		Mask: f.Mask, FollowLinks: f.FollowLinks, Crop: f.Crop, Bin: int(f.Bin),
		SwapXY: f.SwapXY, FlipX: f.FlipX, FlipY: f.FlipY, SampleMotion: f.SampleMotion,
		EnergyEV: f.EnergyEV, DistanceM: f.DistanceM, DetectorPixelUM: f.DetectorPixelUM, PixelSizeNM: f.PixelSizeNM,
	}
}

// engineFlags choose what computes.
type engineFlags struct {
	Engine      engine.Kind `default:"ort" help:"Engine: ort (ONNX Runtime) or tape (Gorgonia)."`
	Device      ort.Device  `default:"auto" help:"Device: cpu, cuda or auto."`
	Threads     int         `default:"0" help:"Threads; 0: one per physical core."`
	Onnxruntime string      `placeholder:"PATH" help:"ONNX Runtime library. Default: see ptyx doctor."`
	Profile     string      `placeholder:"JSON" help:"ONNX Runtime's profile. Further sessions write NAME-2.json etc."`
}

// options are the engine that the flags choose; log takes its warnings.
func (f engineFlags) options(log *slog.Logger) engine.Options {
	return engine.Options{
		Kind: f.Engine, Device: f.Device, Threads: f.Threads, Library: f.Onnxruntime, Profile: f.Profile,
		Fallback: engine.WarnOnce(log),
	}
}

// natsFlags say how to reach a broker. They are no settings: an object does not depend on them, and a URL may hold a
// password.
type natsFlags struct {
	TokenFile string `settings:"-" placeholder:"FILE" help:"File with the broker's token. Default: $$PTYX_TOKEN."`
	TLSCA     string `settings:"-" name:"tls-ca" placeholder:"PEM" help:"Certificate authority of the broker."`
	Creds     string `settings:"-" placeholder:"FILE" help:"Credentials of a NATS user."`
}

// address reads the token.
func (f natsFlags) address(url string) (cluster.Address, error) {
	token, err := workflow.Token("--token-file", f.TokenFile, os.Getenv("PTYX_TOKEN"))
	return cluster.Address{URL: url, Token: token, CA: f.TLSCA, Creds: f.Creds}, err
}
