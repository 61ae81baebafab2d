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
	// LogVarianceOutput is the natural logarithm of the object's variance: the mean of |error|^2, real and imaginary
	// part together. Models of network "unrolled" have it since version 0.2.
	LogVarianceOutput = "log_variance"
)

// Outputs are the names of the outputs, in their order: the two of the object and, if there is one, that of the
// variance.
func (c Contract) Outputs() []string {
	switch {
	case c.Variance:
		return []string{ObjectReOutput, ObjectImOutput, LogVarianceOutput}
	case c.Cartesian():
		return []string{ObjectReOutput, ObjectImOutput}
	}
	return []string{AmplitudeOutput, PhaseOutput}
}
