package dataset

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/npz/npztest"
	"ptyx/internal/scan/source"
)

// FuzzScan: whatever the bytes, opening and reading gives a scan that keeps its own promises, or a *badinput.Error.
func FuzzScan(f *testing.F) {
	zeros := func(shape ...int) npztest.Array {
		return npztest.Array{Key: KeyPatterns, Dtype: "|u1", Shape: shape, Raw: make([]byte, 4096)}
	}
	f.Add(npztest.Zip(zip.Deflate, validScan(1).with(zeros(1, 64, 64))...))
	f.Add(npztest.Zip(zip.Deflate, validScan(1).with(zeros(64, 64, 1), npztest.Pickled("_metadata"),
		npztest.Text(keyDomain, "x"))...))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := readFuzzed(content)
		if err != nil {
			var fault *badinput.Error
			if !errors.As(err, &fault) {
				t.Fatalf("an error of type %T: %v", err, err)
			}
			return
		}
		if s.M < 1 || len(s.X) != s.M || len(s.Y) != s.M || len(s.Index) != s.M || len(s.Probe.Data) != s.N*s.N {
			t.Fatalf("M %d, N %d: %d columns, %d rows, %d indices, %d probe pixels", s.M, s.N, len(s.X), len(s.Y),
				len(s.Index), len(s.Probe.Data))
		}
	})
}

// readFuzzed opens a scan and makes a pass over its patterns.
func readFuzzed(content []byte) (*Scan, error) {
	file, err := npz.NewReader("fuzz.npz", bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	arrays, err := source.FromNPZ(file)
	if err != nil {
		return nil, err
	}
	s, err := newScan(arrays, Options{})
	if err != nil {
		return nil, err
	}
	frames, err := s.Frames()
	if err != nil {
		return nil, err
	}
	defer frames.Close()
	for buf := make([]float32, s.N*s.N); ; {
		if _, err := frames.Next(buf); err == io.EOF {
			return s, nil
		} else if err != nil {
			return nil, err
		}
	}
}
