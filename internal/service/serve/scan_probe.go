package serve

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
)

// scanProbe is the probe of a scan: its own or that of the model, scaled to the exposure of the first frames.
type scanProbe struct {
	own      *ndarray.Complex64 // (N, N), that the client sent; nil: none
	fixed    bool               // the probe does not follow the exposure
	exposing sync.Mutex         // held while the exposure is found

	mu       sync.Mutex
	exposure float64 // factor of the power; 0: no frame with light has come
	stored   float64 // exposure before a restart; 0: unknown
	probe    *ndarray.Complex64
	request  predict.Probe // zero: the model's probe
	extra    []npz.Member  // of the result
}

// newScanProbe gives a client's probe the power of the model's, as ptyx watch does; own is nil if there is none.
func newScanProbe(c contract.Contract, own *ndarray.Complex64) *scanProbe {
	p := &scanProbe{own: own, fixed: !c.TakesProbe(), probe: c.Probe}
	if own != nil {
		p.use(reconstruct.Scaled(own, optics.Power(c.Probe)/optics.Power(own)), ownProbe)
	}
	return p
}

// Where a scan's probe is from, in its object.
const (
	ownProbe   = "scan"
	modelProbe = "model"
)

// use changes the probe of the network. It is called with the probe locked, or new.
func (p *scanProbe) use(probe *ndarray.Complex64, source string) {
	p.probe, p.request, p.extra = probe, predict.ProbeOf(probe), reconstruct.NetworkProbe(source, probe)
}

// expose scales the probe to the exposure of the first frames with light. keep stores the factor durably, before any of
// these frames is in the object.
func (p *scanProbe) expose(frames newFrames, keep func(factor float64) error) error {
	p.exposing.Lock()
	defer p.exposing.Unlock()
	if p.fixed || p.factor() != 0 {
		return nil
	}
	tolerance, source := reconstruct.OtherExposure, modelProbe
	if p.own != nil {
		tolerance, source = 1, ownProbe
	}
	factor, lit := reconstruct.Exposure(frames.ids, frames.patterns, p.current(), tolerance)
	switch {
	case !lit:
		return nil
	case p.stored != 0:
		factor = p.stored
	default:
		if err := keep(factor); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exposure = factor
	if factor != 1 {
		p.use(reconstruct.Scaled(p.probe, factor), source+reconstruct.ScaledSource)
	}
	return nil
}

// factor is the exposure; 0: unknown.
func (p *scanProbe) factor() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exposure
}

// current is the probe, (N, N).
func (p *scanProbe) current() *ndarray.Complex64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.probe
}

// forNetwork is the probe as the network takes it.
func (p *scanProbe) forNetwork() predict.Probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.request
}

// members say which probe an object was made with; none: the model's.
func (p *scanProbe) members() []npz.Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.extra
}

// readProbe reads the probe of a new scan; nil: it has none.
func (o *scanOptions) readProbe(m *served, held *reservation) (own *ndarray.Complex64, err error) {
	defer func() { o.ProbeRe, o.ProbeIm = nil, nil }()
	if len(o.ProbeRe) == 0 && len(o.ProbeIm) == 0 {
		return nil, m.checkOwnProbe(nil)
	}
	if !m.Contract.TakesProbe() {
		return nil, m.checkOwnProbe(&ndarray.Complex64{})
	}
	n := m.Contract.N
	var parts predict.Probe
	for _, part := range []struct {
		name string
		raw  json.RawMessage
		into *[]float32
	}{{contract.ProbeReInput, o.ProbeRe, &parts.Re}, {contract.ProbeImInput, o.ProbeIm, &parts.Im}} {
		if len(part.raw) == 0 {
			return nil, refuse(http.StatusBadRequest, "no %s, expected both parts of the probe", part.name)
		}
		finite := limits{-math.MaxFloat32, math.MaxFloat32, "finite numbers"}
		*part.into, err = fromJSON(part.raw, []int64{int64(n), int64(n)}, int64(n*n), finite, held)
		if err != nil {
			return nil, naming(part.name, err)
		}
	}
	own = ndarray.New[complex64](n, n)
	for i := range own.Data {
		own.Data[i] = complex(parts.Re[i], parts.Im[i])
	}
	return own, m.checkOwnProbe(own)
}

// checkOwnProbe refuses a probe that the model cannot use, and a scan without one (nil) that needs it.
func (m *served) checkOwnProbe(own *ndarray.Complex64) error {
	switch {
	case own == nil && m.Contract.General():
		return refuse(http.StatusBadRequest, "the general network has no probe of its own: send that of the scan as "+
			"%s and %s, %d x %d numbers each", contract.ProbeReInput, contract.ProbeImInput, m.Contract.N,
			m.Contract.N)
	case own == nil:
		return nil
	case !m.Contract.TakesProbe():
		return refuse(http.StatusBadRequest, "model %s keeps the probe of its training: omit %s and %s, or use a "+
			"network that takes the probe", m.Name, contract.ProbeReInput, contract.ProbeImInput)
	}
	return checkProbe(predict.ProbeOf(own), len(own.Data))
}

// storedOptions are the options of a scan on disk.
type storedOptions struct {
	scanOptions
	Probe []byte `json:"probe,omitempty"` // the client's, complex64 (N, N), little-endian
	// Exposure is the factor of the probe's power: 0 until a frame with light has come. Scans of versions that did not
	// scale the probe have none.
	Exposure *float64 `json:"exposure,omitempty"`
}

// toStore are the options of a scan for the disk.
func (s *scan) toStore(exposure float64) ([]byte, error) {
	o := storedOptions{scanOptions: s.options, Exposure: &exposure}
	if own := s.probe.own; own != nil {
		o.Probe, _ = binary.Append(nil, binary.LittleEndian, own.Data) // never fails for numbers
	}
	return json.Marshal(o)
}

// ownProbe is the client's probe of a stored scan; nil: it has none.
func (o storedOptions) ownProbe(m *served) (own *ndarray.Complex64, err error) {
	if len(o.Probe) > 0 {
		own = ndarray.New[complex64](m.Contract.N, m.Contract.N)
		if size, err := binary.Decode(o.Probe, binary.LittleEndian, own.Data); err != nil || size != len(o.Probe) {
			return nil, fmt.Errorf("a probe of %d bytes, expected %d", len(o.Probe), 8*len(own.Data))
		}
	}
	return own, m.checkOwnProbe(own)
}

// restoreExposure makes the probe of a stored scan the one that it had.
func (p *scanProbe) restoreExposure(o storedOptions) {
	if o.Exposure == nil {
		p.fixed = true
		return
	}
	p.stored = *o.Exposure
}

// expose scales the probe to the first frames, and stores its exposure.
func (s *scan) expose(frames newFrames) error {
	return s.probe.expose(frames, func(factor float64) error {
		if s.stored == nil {
			return nil
		}
		options, err := s.toStore(factor)
		if err == nil {
			err = s.stored.SetOptions(options)
		}
		return s.ofStore(err)
	})
}
