package serve

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/reconstruct"
)

// generalServer serves a fake that counts as the general network, and scans of frames whose exposure is that of its
// probe.
func generalServer(dir string, m measured) Options {
	o := takingServer(dir)
	c := &o.Models[0].Contract
	c.TrainingInput = contract.Simulated
	power := 0.0
	for _, d := range m.patterns[:reconstruct.ExposedFrames*area] {
		power += float64(d) * float64(d) / reconstruct.ExposedFrames
	}
	optics.NormalisePower(c.Probe, power)
	return o
}

// finishScan ends a scan without a solver: the answer comes with its last object.
func finishScan(t *testing.T, s *Server, path string) status {
	t.Helper()
	if w := ask(s, "POST", path+"/finish", nil); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	now := statusOf(t, s, path)
	if now.State != finished {
		t.Errorf("status %+v", now)
	}
	return now
}

// TestPhasesOfAGeneralScan: the last object of a scan of the general network is that of patches of one phase, whatever
// their order, also after a restart.
func TestPhasesOfAGeneralScan(t *testing.T) {
	dir, m := t.TempDir(), simulated(30)
	own, body := probeOfScan(t)
	o := generalServer(dir, m)
	var path string
	var want []byte
	until(t, o, func(s *Server) {
		path = createScan(t, s, body)
		post(t, s, path, m)
		model := optics.Power(o.Models[0].Contract.Probe)
		probe := reconstruct.Scaled(own, model/optics.Power(own))
		want = m.madeWith(t, o.Models[0], probe, reconstruct.NetworkProbe("scan", probe), finished)
		if bytes.Equal(object(s, path), want) {
			t.Fatal("the phases agree already, which tests nothing")
		}
		finishScan(t, s, path)
		if !bytes.Equal(object(s, path), want) {
			t.Error("another object than that of patches of one phase")
		}
		other := createScan(t, s, body)
		backwards := m.of(m.order(true)...)
		post(t, s, other, backwards.of(m.order(false)[10:]...)) // the 16 lowest ids are in it
		post(t, s, other, backwards)
		finishScan(t, s, other)
		if !bytes.Equal(object(s, other), want) {
			t.Error("another object in another order")
		}
	})
	until(t, generalServer(dir, m), func(s *Server) {
		ready(t, s)
		if now := statusOf(t, s, path); now.State != finished {
			t.Errorf("a server that is ready has the status %+v", now)
		}
		if !bytes.Equal(object(s, path), want) {
			t.Error("another object after a restart")
		}
	})
}

// order is the numbers of all frames, backwards or not.
func (m measured) order(backwards bool) (all []int) {
	for i := range m.ids {
		all = append(all, i)
	}
	if backwards {
		slices.Reverse(all)
	}
	return all
}

// TestPhasesWithoutRoom: if the patches cannot be kept, the scan ends with its object, and says why it is less good.
func TestPhasesWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	m := simulated(20)
	s := started(t, generalServer("", m))
	_, body := probeOfScan(t)
	path := createScan(t, s, body)
	post(t, s, path, m)
	before := object(s, path)
	if now := finishScan(t, s, path); !strings.Contains(now.Error, "not turned to one phase") {
		t.Errorf("error %q", now.Error)
	}
	if !bytes.Equal(object(s, path), before) {
		t.Error("another object")
	}
}

// TestFinishWhileAnotherScanTurns: a scan whose turn has not come answers 202 after the time of a request, to a second
// client, too. Deleted, it gives its disk space back.
func TestFinishWhileAnotherScanTurns(t *testing.T) {
	dir, m := t.TempDir(), simulated(20)
	o := scanServer(&fake{channels: 1})
	o.Store, o.Timeout = dir, time.Second // enough for the trend under the race detector
	s := started(t, o)
	path := createScan(t, s, "")
	post(t, s, path, m)
	s.scans.turning <- struct{}{} // another scan
	for range 2 {
		if w := ask(s, "POST", path+"/finish", nil); w.Code != 202 || statusOf(t, s, path).State != refining {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	a, err := s.scans.find(filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(s, "DELETE", path, nil); w.Code != 204 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	<-a.rest
	if _, err := a.patches.Agree(t.Context(), a.canvas, reconstruct.Optics{}, nil); err == nil {
		t.Error("the patches of a deleted scan are still there")
	}
	<-s.scans.turning
	next := createScan(t, s, "")
	post(t, s, next, m)
	if w := ask(s, "POST", next+"/finish", nil); w.Code != 200 || statusOf(t, s, next).State != finished {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
