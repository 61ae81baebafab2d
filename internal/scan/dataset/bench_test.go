package dataset

import (
	"archive/zip"
	"testing"

	"ptyx/internal/format/npz/npztest"
)

// BenchmarkPass reads 512 patterns of 64 x 64, as a scan on disk comes.
func BenchmarkPass(b *testing.B) {
	const m = 512
	values := frames(m, 64)
	f := validScan(m).with(npztest.Real(KeyPatterns, "<f4", values, m, 64, 64))
	for name, method := range map[string]uint16{"stored": zip.Store, "deflated": zip.Deflate} {
		b.Run(name, func(b *testing.B) {
			path := npztest.File(b, npztest.Zip(method, f...))
			b.ReportAllocs()
			for b.Loop() {
				s, err := Open(path, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.MeanPower(); err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
			b.ReportMetric(float64(m*b.N)/b.Elapsed().Seconds(), "patterns/s")
		})
	}
}
