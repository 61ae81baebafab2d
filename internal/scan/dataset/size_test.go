package dataset

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz/npztest"
)

func TestEvenSizesAreAccepted(t *testing.T) {
	for n := -2; n <= MostSize+4; n++ {
		if want := n >= 32 && n <= 1024 && n%2 == 0; HasSize(n) != want {
			t.Errorf("HasSize(%d) is %v", n, !want)
		}
	}
}

// TestARefusedSizeHasARemedyThatWorks opens detectors of sizes that ptyx refuses, and opens them again with the flags
// that the refusal names.
func TestARefusedSizeHasARemedyThatWorks(t *testing.T) {
	for _, tc := range []struct {
		height, width int
		view          View
		remedy        string // empty: no part of the detector has a size that is accepted
		size          int
	}{
		{65, 65, View{}, "--crop 64", 64},
		{1030, 1030, View{}, "--crop 1028 --bin 2", 514},
		{70, 70, View{Bin: 2}, "--crop 68 --bin 2", 34},
		{64, 64, View{Bin: 3}, "--crop 64 --bin 2", 32},
		{64, 64, View{Bin: 4}, "--crop 64 --bin 2", 32},
		{90, 100, View{Crop: Crop{Size: 16, Centred: true}}, "--crop 32", 32},
		{90, 100, View{Crop: Crop{Size: 51, Row: 40, Col: 45}}, "--crop 50@40,45", 50},
		{90, 100, View{Crop: Crop{Size: 20, Row: 14, Col: 45}}, "", 0},
		{30, 30, View{}, "", 0},
	} {
		path := writeDetector(t, tc.height, tc.width)
		_, err := Open(path, Options{View: tc.view, NoProbe: true})
		var bad *badinput.Error
		if !errors.As(err, &bad) || tc.remedy == "" && bad.Remedy != "" {
			t.Errorf("%d x %d, %+v: %v", tc.height, tc.width, tc.view, err)
			continue
		}
		if tc.remedy == "" {
			continue
		}
		if !strings.HasSuffix(bad.Remedy, " take "+tc.remedy) {
			t.Errorf("%d x %d, %+v: %v, want the remedy %s", tc.height, tc.width, tc.view, err, tc.remedy)
			continue
		}
		scan, err := Open(path, Options{View: viewOf(t, tc.remedy), NoProbe: true})
		if err != nil {
			t.Errorf("the remedy fails: %v", err)
			continue
		}
		if scan.N != tc.size {
			t.Errorf("%s gives patterns of %d pixels, want %d", tc.remedy, scan.N, tc.size)
		}
		scan.Close()
	}
}

// writeDetector writes a scan of one image of a detector.
func writeDetector(t *testing.T, height, width int) string {
	t.Helper()
	values := make([]float64, height*width)
	for i := range values {
		values[i] = 0.5
	}
	return scanFile{
		npztest.Real(KeyPatterns, "<f4", values, 1, height, width),
		npztest.Real(KeyX, "<f8", []float64{0}, 1), npztest.Real(KeyY, "<f8", []float64{0}, 1),
	}.file(t)
}

// viewOf reads the flags --crop and --bin.
func viewOf(t *testing.T, flags string) View {
	t.Helper()
	view, fields := View{}, strings.Fields(flags)
	for i := 0; i < len(fields); i += 2 {
		var err error
		switch fields[i] {
		case "--crop":
			err = view.Crop.UnmarshalText([]byte(fields[i+1]))
		case "--bin":
			view.Bin, err = strconv.Atoi(fields[i+1])
		default:
			t.Fatalf("no flag: %s", fields[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return view
}
