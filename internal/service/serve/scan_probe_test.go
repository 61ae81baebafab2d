package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
)

// takingServer serves a fake that takes the probe, and scans.
func takingServer(dir string) Options {
	o := unrolledOptions(&fake{channels: 1})
	o.Scans, o.Store = ScanLimits{Count: 8, Memory: 4 << 20}, dir
	return o
}

// probeOfScan is a probe unlike that of the fake, with the body that creates a scan with it.
func probeOfScan(t *testing.T) (probe *ndarray.Complex64, body string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	probe = ndarray.New[complex64](size, size)
	re, im := make([][]float32, size), make([][]float32, size)
	for i := range probe.Data {
		probe.Data[i] = complex(rng.Float32(), rng.Float32()-0.5)
		re[i/size], im[i/size] = append(re[i/size], real(probe.Data[i])), append(im[i/size], imag(probe.Data[i]))
	}
	text, err := json.Marshal(map[string]any{"probe_re": re, "probe_im": im})
	if err != nil {
		t.Fatal(err)
	}
	return probe, string(text)
}

// madeWith are the bytes of the object that a probe gives.
func (m measured) madeWith(t *testing.T, o Model, probe *ndarray.Complex64, extra []npz.Member, state state) []byte {
	t.Helper()
	o.Contract.Probe = probe
	return m.expectedWith(t, o, predict.ProbeOf(probe), extra, state)
}

// TestProbeOfAScan: a scan's own probe reaches the network, the weights and the object, in the power of the frames with
// the lowest ids of the first post. A server that starts again on the store makes the same object, although the journal
// begins with brighter frames.
func TestProbeOfAScan(t *testing.T) {
	dir, m := t.TempDir(), simulated(30)
	slices.Reverse(m.ids)
	bright := m.patterns[:14*area]
	for i := range bright {
		bright[i] *= 3
	}
	own, body := probeOfScan(t)
	o := takingServer(dir)
	var path string
	var want []byte
	until(t, o, func(s *Server) {
		path = createScan(t, s, body)
		post(t, s, path, m)
		model := optics.Power(o.Models[0].Contract.Probe)
		probe := reconstruct.Scaled(own, model/optics.Power(own))
		probe = reconstruct.Scaled(probe, statusOf(t, s, path).Exposure)
		mean := 0.0
		for _, d := range m.patterns[14*area:] {
			mean += float64(d) * float64(d) / 16
		}
		if ratio := optics.Power(probe) / mean; ratio < 0.97 || ratio > 1.03 {
			t.Errorf("the probe has %.3f of the power of the first frames", ratio)
		}
		want = m.madeWith(t, o.Models[0], probe, reconstruct.NetworkProbe("scan"+reconstruct.ScaledSource, probe), open)
		if !bytes.Equal(object(s, path), want) {
			t.Error("another object than that of the scaled probe")
		}
	})
	until(t, takingServer(dir), func(s *Server) {
		ready(t, s)
		if !bytes.Equal(object(s, path), want) {
			t.Error("another object after a restart")
		}
	})
}

// TestExposureOfAScan: the model's probe follows an exposure beyond the tolerance, after frames without light. Within
// the tolerance, it stays as it is.
func TestExposureOfAScan(t *testing.T) {
	o := takingServer("")
	s := started(t, o)
	m := simulated(20)
	mean := 0.0
	for _, d := range m.patterns[:16*area] {
		mean += float64(d) * float64(d) / 16
	}
	for _, c := range []struct {
		times  float64 // the power of the patterns, in that of the probe
		scaled bool
	}{{1.4, false}, {1 / 1.4, false}, {3, true}} {
		probe := s.models["net"].Contract.Probe
		optics.NormalisePower(probe, mean/c.times)
		path := createScan(t, s, "")
		dark := m.of(19)
		clear(dark.patterns)
		post(t, s, path, dark)
		if now := statusOf(t, s, path); now.Exposure != 0 {
			t.Errorf("exposure %v of a frame without light", now.Exposure)
		}
		post(t, s, path, m)
		now := statusOf(t, s, path)
		r, release, err := s.scans.list()[len(s.scans.list())-1].object()
		if err != nil {
			t.Fatal(err)
		}
		ratio := optics.Power(r.Probe) / optics.Power(probe)
		if got := ratio > 1.01; got != c.scaled || ratio/now.Exposure > 1.01 || ratio/now.Exposure < 0.99 {
			t.Errorf("%g: exposure %v, power times %v", c.times, now.Exposure, ratio)
		}
		if c.scaled && (ratio < c.times/1.03 || ratio > c.times*1.03) {
			t.Errorf("%g: power times %v", c.times, ratio)
		}
		if named := len(r.Extra) > 0; named != c.scaled {
			t.Errorf("%g: the object names its probe: %v", c.times, named)
		}
		release()
	}
}

// TestRefusedProbes: each is refused with what is wrong, and no scan is left.
func TestRefusedProbes(t *testing.T) {
	o := takingServer("")
	pattern := (&fake{channels: 1}).model("pattern")
	general := unrolledOptions(&fake{channels: 1}).Models[0]
	general.Name, general.Contract.TrainingInput = "general", contract.Simulated
	o.Models = append(o.Models, pattern, general)
	s := started(t, o)
	_, good := probeOfScan(t)
	zeros := strings.Repeat("0,", area-1) + "0"
	for body, says := range map[string]string{
		`{"model":"general"}`:                                                    "no probe of its own",
		`{"model":"pattern",` + good[1:]:                                         "keeps the probe of its training",
		`{"model":"net","probe_re":[[1]]}`:                                       "probe_re",
		`{"model":"net","probe_re":[` + zeros + `]}`:                             "no probe_im",
		`{"model":"net","probe_re":[` + zeros + `],"probe_im":[0]}`:              "probe_im",
		`{"model":"net","probe_re":"x","probe_im":"y"}`:                          "probe_re",
		fmt.Sprintf(`{"model":"net","probe_re":[%s],"probe_im":[%[1]s]}`, zeros): "photons",

		`{"model":"net",` + strings.Replace(good[1:], `"probe_im":[[`, `"probe_im":[[1e99,`, 1): "probe_im",
	} {
		if w := ask(s, "POST", "/v1/scans", []byte(body)); w.Code != 400 || !strings.Contains(complaint(t, w), says) {
			t.Errorf("%.60s: %d %s, expected %q", body, w.Code, w.Body, says)
		}
	}
	if n := len(s.scans.list()); n > 0 {
		t.Errorf("%d scans", n)
	}
	createScan(t, s, `{"model":"general",`+good[1:])
}

// TestScansOfVersionsWithoutExposure: a stored scan whose options name no exposure keeps the probe that it had.
func TestScansOfVersionsWithoutExposure(t *testing.T) {
	dir, m := t.TempDir(), simulated(20)
	var path string
	until(t, takingServer(dir), func(s *Server) {
		path = createScan(t, s, "")
		post(t, s, path, m)
		if statusOf(t, s, path).Exposure < 2 {
			t.Fatal("the scan has the exposure of the model, which tests nothing")
		}
		if err := s.scans.list()[0].stored.SetOptions(json.RawMessage(`{"model":"net"}`)); err != nil {
			t.Fatal(err)
		}
	})
	o := takingServer(dir)
	until(t, o, func(s *Server) {
		ready(t, s)
		if want := m.expectedWith(t, o.Models[0], predict.Probe{}, nil, open); !bytes.Equal(object(s, path), want) {
			t.Error("another object than that of the model's probe")
		}
	})
}

// TestRefusedFramesDecideNothing: a first post that is refused leaves a scan as it was, also for a post that arrived
// meanwhile, and for a server that starts again on the store.
func TestRefusedFramesDecideNothing(t *testing.T) {
	dir, m := t.TempDir(), simulated(20)
	bright := m.of(0)
	bright.ids, bright.patterns = []int64{99}, slices.Repeat([]float32{1000}, area) // no transmission
	refuse := func(s *Server, path string) {
		t.Helper()
		if w := ask(s, "POST", path+"/frames", bright.npz(t)); w.Code != 422 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if now := statusOf(t, s, path); now.Exposure != 0 || now.Extent != nil {
			t.Errorf("after the refused post: %+v", now)
		}
	}
	var want []byte
	compare := func(s *Server, path string) {
		t.Helper()
		if !bytes.Equal(object(s, path), want) {
			t.Errorf("another object, with exposure %v", statusOf(t, s, path).Exposure)
		}
	}
	var later string
	until(t, takingServer(dir), func(s *Server) {
		path := createScan(t, s, "")
		post(t, s, path, m)
		want = object(s, path)
		path = createScan(t, s, "")
		refuse(s, path)
		post(t, s, path, m)
		compare(s, path)
		later = createScan(t, s, "")
		refuse(s, later)
	})
	o := takingServer(dir)
	computing, refused := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(computing); <-refused })
	until(t, o, func(s *Server) {
		ready(t, s)
		post(t, s, later, m)
		compare(s, later)
		o.Models[0].Predictor.(*fake).run = func(int) error { once(); return nil }
		path := createScan(t, s, "")
		var posts sync.WaitGroup
		posts.Go(func() { ask(s, "POST", path+"/frames", bright.npz(t)) })
		<-computing
		posts.Go(func() { post(t, s, path, m) })
		scan := s.scans.list()[len(s.scans.list())-1]
		eventually(t, "the second post", func() bool {
			scan.mu.Lock()
			defer scan.mu.Unlock()
			return len(scan.pending) == 1+len(m.ids)
		})
		close(refused)
		posts.Wait()
		compare(s, path)
	})
}
