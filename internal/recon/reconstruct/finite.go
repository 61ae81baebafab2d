package reconstruct

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// check refuses a result with a number that is not finite, as a *badinput.Error. No reader of the file expects one, and
// the pictures hide them.
func (r *Result) check() error {
	for _, a := range []struct {
		key    string
		finite bool
	}{
		{"object", finite(data(r.Object))}, {"probeGuess", finite(data(r.Probe))},
		{"coverage", finite(data(r.Coverage))}, {"spread", finite(data(r.Spread))},
		{KeySigma, finite(data(r.Sigma))},
		{"xcoords", finite(r.X)}, {"ycoords", finite(r.Y)},
	} {
		if !a.finite {
			return &badinput.Error{
				Key: a.key, Found: "a result with NaN or an infinite value, which is not saved",
				Expected: "finite numbers", Remedy: "check the scan with ptyx validate, and the model or the probe",
			}
		}
	}
	return nil
}

// data are the elements of an array, which may be nil.
func data[T ndarray.Element](a *ndarray.Array[T]) []T {
	if a == nil {
		return nil
	}
	return a.Data
}

// finite reports whether all values are finite: v - v is 0 for these, and NaN for the others.
func finite[T float32 | float64 | complex64](values []T) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}
