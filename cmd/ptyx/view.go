package main

import "ptyx/internal/scan/dataset"

// inputFlags say what the patterns' array holds, where the file leaves a doubt.
type inputFlags struct {
	Input  dataset.InputKind   `default:"auto" help:"What the patterns are: amplitude, intensity or auto."`
	Layout dataset.Orientation `default:"auto" help:"Which axis counts the patterns: frames-first (M, N, N), frames-last (N, N, M) or auto, by the shape."`
}

// viewFlags say how a scan is looked at: part of the detector, sense of the axes, units.
type viewFlags struct {
	detectorFlags `embed:""`
	PositionsFile string `aliases:"positions_file" placeholder:"FILE" help:"Take the positions from this file, such as a ptychodus product; joined by their indexes where both have them."`
	senseFlags    `embed:""`
}

// detectorFlags say which part of the detector is taken.
type detectorFlags struct {
	Crop dataset.Crop `placeholder:"SIZE[@ROW,COL]" help:"Take this square of the detector, around its middle or around the pixel of zero frequency."`
	Bin  int          `default:"1" help:"Add the counts of this many detector pixels along each axis."`
}

// senseFlags say which way the positions point, and in what unit.
type senseFlags struct {
	SampleMotion *bool `aliases:"sample_motion" help:"The positions are where the sample was, and the beam on it moved the other way; CXI files are read so without this flag, --sample-motion=false reads them as the beam's."`
	SwapXY       bool  `name:"swap-xy" aliases:"swap_xy" help:"Exchange columns and rows of the positions, before they are flipped."`
	FlipX        bool  `aliases:"flip_x" help:"Mirror the columns of the positions."`
	FlipY        bool  `aliases:"flip_y" help:"Mirror the rows of the positions."`
	opticsFlags  `embed:""`
	HDF5         string `name:"hdf5" placeholder:"PATH" help:"HDF5 library, for CXI and HDF5 files; without it the usual places are searched."`
}

// opticsFlags say what a file does not, for positions in metres.
type opticsFlags struct {
	PixelSizeNM     float64 `name:"pixel-size-nm" aliases:"pixel_size_nm" placeholder:"NM" help:"Pixel of the object in nanometres."`
	EnergyEV        float64 `name:"energy-ev" aliases:"energy_ev" placeholder:"EV" help:"Energy of the photons."`
	DistanceM       float64 `name:"distance-m" aliases:"distance_m" placeholder:"M" help:"Distance from sample to detector in metres."`
	DetectorPixelUM float64 `name:"detector-pixel-um" aliases:"detector_pixel_um" placeholder:"UM" help:"Pixel of the detector in micrometres, before binning."`
}

func (f viewFlags) view() dataset.View {
	return dataset.View{
		Library: f.HDF5, PositionsFile: f.PositionsFile, Crop: f.Crop, Bin: f.Bin, SwapXY: f.SwapXY, FlipX: f.FlipX, FlipY: f.FlipY, SampleMotion: f.SampleMotion,
		EnergyEV: f.EnergyEV, DistanceM: f.DistanceM, DetectorPixelUM: f.DetectorPixelUM, PixelSizeNM: f.PixelSizeNM,
	}
}
