package solve

import (
	"fmt"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// Keys of what searches found before the first pass.
const (
	keyFoundX       = "found.x"
	keyFoundY       = "found.y"
	keyFoundProbeRe = "found.probe.re"
	keyFoundProbeIm = "found.probe.im"
	keyKeepStretch  = "keep_stretch"
)

// found lists what searches put in place of the scan's probe and positions.
func found(p Problem, o Options) (members []npz.Member) {
	if p.FoundProbe != nil {
		re, im := ndarray.New[float32](p.FoundProbe.Shape...), ndarray.New[float32](p.FoundProbe.Shape...)
		for i, v := range p.FoundProbe.Data {
			re.Data[i], im.Data[i] = real(v), imag(v)
		}
		members = append(members, npz.Member{Key: keyFoundProbeRe, Value: re},
			npz.Member{Key: keyFoundProbeIm, Value: im})
	}
	if p.GivenX != nil {
		members = append(members, npz.Member{Key: keyFoundX, Value: p.X}, npz.Member{Key: keyFoundY, Value: p.Y})
	}
	if o.KeepStretch {
		members = append(members, npz.Member{Key: keyKeepStretch, Value: int64(1)})
	}
	return members
}

// Restore gives a problem the probe and the positions with which the run of the state in o.Resume started. The searches
// for them need not be repeated. The probe may be nil before: then the state must have one that was found.
func Restore(p *Problem, o *Options) error {
	l, err := openState(o.Resume)
	if err != nil {
		return err
	}
	defer l.file.Close()
	o.KeepStretch = l.file.Has(keyKeepStretch)
	if l.file.Has(keyFoundX) && l.suits(keyFoundX, len(p.X)) {
		x, y := l.nearby(keyFoundX, p.X, p.Patterns.Side()), l.nearby(keyFoundY, p.Y, p.Patterns.Side())
		p.GivenX, p.GivenY, p.X, p.Y = p.X, p.Y, x, y
	}
	if n := p.Patterns.Side(); l.file.Has(keyFoundProbeRe) && l.suits(keyFoundProbeRe, n, n) {
		re, im := ndarray.New[float32](n, n), ndarray.New[float32](n, n)
		l.Into(keyFoundProbeRe, re)
		l.Into(keyFoundProbeIm, im)
		p.GivenProbe, p.FoundProbe = p.Probe, ndarray.New[complex64](n, n)
		for i := range re.Data {
			p.FoundProbe.Data[i] = complex(re.Data[i], im.Data[i])
		}
		p.Probe = p.FoundProbe.Clone()
	}
	if p.Probe == nil {
		l.refuse(fact{key: keyProbeDigest, differs: anotherProbe, value: "one without a probe", remedy: sameProbe})
	}
	return l.Err()
}

// nearby reads positions along an axis, (M), that are as far from the given ones as the scan is wide, at most. Others
// would need a huge object.
func (l savedState) nearby(key string, given []float64, n int) []float64 {
	found := l.Floats(key, len(given))
	least, most := slices.Min(given), slices.Max(given)
	reach := most - least + float64(n)
	for _, v := range found {
		if !(v >= least-reach && v <= most+reach) {
			l.Fault(key, fmt.Sprint(v), fmt.Sprintf("%g to %g", least-reach, most+reach))
			break
		}
	}
	return found
}

// suits refuses the state of a scan for which an array has another shape.
func (l savedState) suits(key string, shape ...int) bool {
	h, err := l.file.Header(key)
	if l.Keep(err) && !slices.Equal(h.Shape, shape) {
		l.refuse(fact{key: keyDataDigest, differs: anotherScan, value: "that of this scan", remedy: sameScan})
	}
	return l.Err() == nil
}

// refuse keeps the error of a fact that the file does not have.
func (l savedState) refuse(f fact) { l.Keep(f.check(l.file.Path(), "")) }
