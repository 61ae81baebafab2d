package source

// empadFormat is the name of the format of the detector EMPAD.
const empadFormat = "EMPAD"

// empad is a scan of the detector EMPAD: a raster of frames, whose step an XML file may state.
var empadScan = layout{
	name:      empadFormat,
	recognise: func(r *reader) bool { return r.of(empadFormat) },
	read: func(r *reader) {
		f := &r.Facts
		f.Electrons = true
		file := r.takeStack().empad
		f.Raster = Raster{Rows: file.Rows, Columns: file.Columns}
		f.StepX, f.StepY = file.StepX, file.StepY
		if f.StepX > 0 && f.StepY > 0 {
			r.SetRaster(f.Raster, f.StepX, f.StepY)
		}
	},
}
