package serve

import (
	"context"
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
	deciding chan struct{}      // holds a token while the frames of a post decide the exposure
	stored   float64            // exposure of the frames on disk, until they are restored; 0: unknown

	mu       sync.Mutex
	exposure float64 // factor of the power; 0: no frame with light has come
	decided  bool    // a frame with that exposure is in the object
	usedProbe
}

// usedProbe is the probe that the network gets.
type usedProbe struct {
	probe   *ndarray.Complex64
	request predict.Probe // zero: the model's probe
	extra   []npz.Member  // of the result
}

// newScanProbe gives a client's probe the power of the model's, as ptyx watch does; own is nil if there is none.
func newScanProbe(c contract.Contract, own *ndarray.Complex64) *scanProbe {
	p := &scanProbe{own: own, fixed: !c.TakesProbe(), deciding: make(chan struct{}, 1)}
	p.probe = c.Probe
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
	p.usedProbe = usedProbe{probe, predict.ProbeOf(probe), reconstruct.NetworkProbe(source, probe)}
}

// expose scales the probe to the exposure of the first frames with light. keep stores the factor durably, before any of
// these frames is in the object. The caller calls settle when it knows whether one is; only the first call counts. If
// none is, the probe is as before, so that refused frames decide nothing. Other posts wait here until then.
func (p *scanProbe) expose(
	ctx context.Context, frames newFrames, keep func(factor float64) error,
) (settle func(used bool), err error) {
	settle = func(bool) {}
	if p.fixed || p.isDecided() {
		return settle, nil
	}
	select {
	case p.deciding <- struct{}{}:
	case <-ctx.Done():
		return settle, ctx.Err()
	}
	undo, err := p.decide(frames, keep)
	if undo == nil {
		<-p.deciding
		return settle, err
	}
	var once sync.Once
	return func(used bool) {
		once.Do(func() {
			if used {
				p.conclude()
			} else {
				undo()
			}
			<-p.deciding
		})
	}, nil
}

func (p *scanProbe) isDecided() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.decided
}

func (p *scanProbe) conclude() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decided = true
}

// decide scales the probe, if its exposure is still unknown and the frames have light. undo is nil if it does not.
func (p *scanProbe) decide(frames newFrames, keep func(factor float64) error) (undo func(), err error) {
	if p.isDecided() {
		return nil, nil
	}
	tolerance, source := reconstruct.OtherExposure, modelProbe
	if p.own != nil {
		tolerance, source = 1, ownProbe
	}
	factor, lit := reconstruct.Exposure(frames.ids, frames.patterns, p.current(), tolerance)
	switch {
	case !lit:
		return nil, nil
	case p.stored != 0:
		factor = p.stored
	default:
		if err := keep(factor); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.usedProbe
	p.exposure = factor
	if factor != 1 {
		p.use(reconstruct.Scaled(p.probe, factor), source+reconstruct.ScaledSource)
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.exposure, p.usedProbe = 0, before
	}, nil
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
func (s *scan) expose(ctx context.Context, frames newFrames) (settle func(used bool), err error) {
	return s.probe.expose(ctx, frames, func(factor float64) error {
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
