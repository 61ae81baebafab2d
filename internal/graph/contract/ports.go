package contract

// Names of a model's inputs. A network that takes the probe has the last three, with a default in the file.
const (
	PatternsInput = "amplitude_measured" // (batch, C, N, N)
	ProbeReInput  = "probe_re"           // (1 or batch, C, N, N), real part of the probe
	ProbeImInput  = "probe_im"           // (1 or batch, C, N, N), imaginary part
	OffsetInput   = "offset"             // (1 or batch, 2), subpixel part (x, y) of the position, c - round(c)
)

// Names of a model's outputs, (batch, C, N, N) each.
const (
	AmplitudeOutput = "amplitude"
	PhaseOutput     = "phase" // in radians
	ObjectReOutput  = "object_re"
	ObjectImOutput  = "object_im"
)

// Outputs are the names of the two outputs, in their order.
func (c Contract) Outputs() [2]string {
	if c.Cartesian() {
		return [2]string{ObjectReOutput, ObjectImOutput}
	}
	return [2]string{AmplitudeOutput, PhaseOutput}
}
