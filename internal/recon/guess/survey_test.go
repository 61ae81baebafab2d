package guess

import (
	"math"
	"path/filepath"
	"testing"

	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// TestASurveyReadsASample: some patterns of a large scan give the mean pattern, and the place that differs most from
// it.
func TestASurveyReadsASample(t *testing.T) {
	d, err := simulate.Run(t.Context(), simulate.Options{
		N: 32, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.Gaussian, ProbeSize: 8,
		Scan: simulate.Raster, Count: 52 * 52, Step: 2, Photons: 1e4, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{NoProbe: true, Input: dataset.Amplitude})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	s, err := newSurvey(t.Context(), scan, 0)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := s.members(t.Context(), 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, b := range s.blocks {
		if b != nil {
			read++
		}
	}
	if most := surveyed + centres*looked; read > most {
		t.Errorf("%d patterns of %d were read, expected at most %d", read, scan.M, most)
	}
	mean, squares := make([]float64, 32*32), 0.0
	for i, v := range d.Patterns.Data {
		mean[i%len(mean)] += float64(v) * float64(v) / float64(scan.M)
	}
	for i, v := range mean {
		squares += math.Pow(s.mean[i]-v, 2) / inner(mean)
	}
	if misfit := math.Sqrt(squares); !(misfit < 0.05) {
		t.Errorf("the mean pattern of the sample differs by %.3f", misfit)
	}
	all := &survey{scan: scan, blocks: make([][]float32, scan.M), usual: s.usual}
	everywhere := make([]int, scan.M)
	for i := range everywhere {
		everywhere[i] = i
		all.blocks[i] = s.blocksOf(d.Patterns.Data[i*32*32 : (i+1)*32*32])
	}
	if c, mean := all.contrast(ids), all.contrast(everywhere); !(c > 1.2*mean) {
		t.Errorf("contrast %.3f of the chosen patterns, %.3f of all", c, mean)
	}
}

func inner(v []float64) (sum float64) {
	for _, x := range v {
		sum += x * x
	}
	return sum
}
