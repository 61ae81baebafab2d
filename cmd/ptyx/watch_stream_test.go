package main

import (
	"archive/zip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ptyx/internal/format/npz/npztest"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/simplon/simplontest"
	"ptyx/internal/service/zeromq/zeromqtest"
)

// countsOf writes the patterns of a scan as counts (M, N, N) with its positions, and returns the counts of each frame
// and the path of the file.
func countsOf(t *testing.T, scan string) (counts [][]uint16, n int, path string) {
	t.Helper()
	file, err := dataset.Open(scan, dataset.Options{NoProbe: true, NoObject: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var raw []byte
	err = file.EachAmplitude(func(pattern []float32) error {
		frame := make([]uint16, len(pattern))
		for i, v := range pattern {
			frame[i] = uint16(min(60000, v*v))
		}
		counts = append(counts, frame)
		for _, c := range frame {
			raw = append(raw, byte(c), byte(c>>8))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts, file.N, npztest.File(t, npztest.Zip(zip.Store,
		npztest.Array{Key: "diff3d", Dtype: "<u2", Shape: []int{file.M, file.N, file.N}, Raw: raw},
		npztest.Real("xcoords", "<f8", file.X, file.M), npztest.Real("ycoords", "<f8", file.Y, file.M)))
}

// TestWatchStream follows a detector with positions planned in a file, and refines: the files are those of infer. A
// watch that is started in the middle of a series makes an object of the frames that are left.
func TestWatchStream(t *testing.T) {
	t.Parallel()
	dir, shared := t.TempDir(), trainedStar(t)
	counts, n, scan := countsOf(t, shared.small)
	inferred := filepath.Join(dir, "inferred")
	newProcess(t).run("infer", "--model-path", shared.run, "--test-data", scan, "--output-dir", inferred, "--device",
		"cpu", "--input", "intensity", "--refine", "2")
	sender, err := zeromqtest.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	detector := simplontest.Detector{
		Series: 3, Version: 2, Height: n, Width: n, Images: len(counts), Energy: 8000, Distance: 2, Pixel: 75e-6,
		Packing: "bslz4",
	}
	send := func(messages ...[][]byte) {
		for _, m := range messages {
			if err := sender.Send(m...); err != nil {
				t.Error(err)
			}
		}
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(counts))
	watched := filepath.Join(dir, "watched")
	follower := follow(t, sender.Address(), "--model-path", shared.run, "--output-dir", watched, "--positions-file",
		scan, "--refine", "2")
	send(detector.Start())
	for _, id := range order {
		send(detector.Image(int64(id), counts[id]))
	}
	send(detector.End())
	if err := follower.command.Wait(); err != nil || !strings.Contains(follower.output.String(), "(complete)") {
		t.Fatalf("%v: %s", err, follower.output)
	}
	sameFiles(t, "stream", watched, inferred)

	sender.Break()
	killed := filepath.Join(dir, "killed")
	args := []string{sender.Address(), "--model-path", shared.run, "--output-dir", killed, "--positions-file", scan}
	follower = follow(t, args...)
	send(detector.Start())
	for _, id := range order[:6] {
		send(detector.Image(int64(id), counts[id]))
	}
	sawFrames(t, killed, 6)
	follower.end(syscall.SIGKILL)
	left, err := filepath.Glob(filepath.Join(killed, ".ptyx-frames*"))
	if err != nil || len(left) > 0 {
		t.Errorf("a killed watch left %v, %v", left, err)
	}
	sender.Break()
	if err := os.RemoveAll(killed); err != nil {
		t.Fatal(err)
	}
	follower = follow(t, append(args, "--series", "current")...)
	for _, id := range order[6:] {
		send(detector.Image(int64(id), counts[id]))
	}
	send(detector.End())
	if err := follower.command.Wait(); err != nil ||
		!strings.Contains(follower.output.String(), "6 frames") ||
		!strings.Contains(follower.output.String(), "6 missing (series ended)") {
		t.Errorf("%v: %s", err, follower.output)
	}
}

// TestWatchStreamRefuses what would be followed in vain, with a sentence.
func TestWatchStreamRefuses(t *testing.T) {
	t.Parallel()
	shared := trainedStar(t)
	for want, args := range map[string][]string{
		"no positions":                       {"tcp://localhost:1"},
		"expected tcp://HOST:PORT":           {"tcp://localhost", "--positions-file", "plan.csv"},
		"the port 99999":                     {"tcp://localhost:99999", "--positions-file", "p.csv"},
		"a raster without a step":            {"tcp://localhost:1", "--raster", "2x3"},
		"a raster beside --positions-file":   {"tcp://localhost:1", "--step-nm", "9", "--positions-file", "p.csv"},
		"--connections: found 0":             {"tcp://localhost:1", "--positions-file", "p.csv", "--connections", "0"},
		"expected next, current":             {"tcp://localhost:1", "--series", "last"},
		"only frames of a detector's stream": {t.TempDir(), "--positions-file", "tcp://localhost:1"},
		"no message within 200ms":            {"tcp://localhost:1", "--positions-file", "plan.csv", "--idle", "200ms"},
		"find the crop of an earlier scan":   {"tcp://localhost:1", "--positions-file", "p.csv", "--crop", "auto"},
		"reading the mask: none.npz":         {"tcp://localhost:1", "--positions-file", "p.csv", "--mask", "none.npz"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		var stdout, stderr strings.Builder
		args := append([]string{"watch", "--model-path", shared.run, "--output-dir", out, "--device", "cpu"}, args...)
		status := run(t.Context(), args, &stdout, &stderr)
		if status == 0 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit status %d, says %s", args, status, stderr.String())
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v: the output directory was made", args)
		}
	}
}
