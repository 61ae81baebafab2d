package serve

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"
)

// FuzzInferBody: any body gives valid patterns of the declared shape, or an error for the client.
func FuzzInferBody(f *testing.F) {
	s := started(f, unrolledOptions(&fake{channels: 1}))
	m := s.models["net"]
	f.Add(jsonRequest(f, 1, nil), "")
	f.Add(ownRequest(2, 1, 1, 1).json(f), "")
	body, length := ownRequest(2, 2, 2, 2).binary(f)
	f.Add(body, length)
	f.Add(jsonRequest(f, 2, map[string]any{"timeout": 5, "binary_data_output": true}), "")
	for _, kind := range []string{"FP32", "FP64", "UINT8", "UINT16", "UINT32"} {
		body, length := binaryRequest(kind, 1, `,"outputs":[{"name":"phase","parameters":{"binary_data":true}}]`,
			ramp(1))
		f.Add(body, length)
	}
	f.Add([]byte(`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,8,8],`+
		`"data":[[[[1,2],[3]]]]}]}`), "")
	f.Add([]byte(`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[-1,1,8,8],`+
		`"parameters":{"binary_data_size":-256}}]}`), "0")
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		in, err := m.parse(body, length, &reservation{memory: semaphore.NewWeighted(maxBodies << 20)})
		if err != nil {
			if status, _ := explain(err); status != http.StatusBadRequest &&
				status != http.StatusRequestEntityTooLarge {
				t.Fatalf("status %d: %v", status, err)
			}
			return
		}
		patterns, offsets, probe := in.request.Patterns, in.request.Offsets, in.request.Probe
		if in.samples < 1 || in.samples > 16 || len(patterns) != in.samples*area || len(in.outputs) < 1 ||
			len(in.outputs) > 2 || in.timeout < 0 {
			t.Fatalf("%d samples, %d values, %d outputs, timeout %v", in.samples, len(patterns), len(in.outputs),
				in.timeout)
		}
		if n := len(probe.Re); len(probe.Im) != n || n != 0 && n != area && n != in.samples*area ||
			len(offsets) != 0 && len(offsets) != 2*in.samples {
			t.Fatalf("%d samples, probes of %d and %d values, %d of offsets", in.samples, n, len(probe.Im),
				len(offsets))
		}
		for _, values := range [][]float32{patterns, offsets, probe.Re, probe.Im} {
			data, err := appendJSON(nil, values) // refuses values that are not finite
			var back []float32
			if err != nil || json.Unmarshal(data, &back) != nil || len(back) != len(values) {
				t.Fatalf("values that do not come back: %v", err)
			}
		}
		if slices.ContainsFunc(patterns, func(v float32) bool { return v < 0 }) {
			t.Fatal("a negative amplitude")
		}
	})
}

// FuzzFrames: any body gives frames that belong together, with valid patterns, or an error for the client.
func FuzzFrames(f *testing.F) {
	s := started(f, scanServer(&fake{channels: 1}))
	counts := path.Base(createScan(f, s, `{"input":"intensity","positions":"metres","pixel_size_nm":10}`))
	amplitudes := path.Base(createScan(f, s, ""))
	m := simulated(2)
	f.Add(m.npz(f), false, false)
	f.Add([]byte(fmt.Sprintf(`{"ids":[1],"xcoords":[2.5],"ycoords":[-1e3],"diff3d":[%s]}`,
		strings.Repeat("1,", area-1)+"0")), true, true)
	f.Add([]byte(`{"ids":[9007199254740993],"xcoords":[1e999],"ycoords":[null],"diff3d":[[[[[[]]]]]]}`), true, false)
	f.Add([]byte("PK\x05\x06"+strings.Repeat("\xff", 18)), false, true)
	f.Fuzz(func(t *testing.T, body []byte, isJSON, intensity bool) {
		id, kind := amplitudes, "application/octet-stream"
		if intensity {
			id = counts
		}
		if isJSON {
			kind = "application/json"
		}
		scan, err := s.scans.find(id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := scan.parseFrames(body, kind, 16*area, &reservation{memory: semaphore.NewWeighted(maxBodies << 20)})
		if err != nil {
			if status, text := explain(err); status != http.StatusBadRequest &&
				status != http.StatusRequestEntityTooLarge || len(text) > 2000 {
				t.Fatalf("status %d: %.3000q", status, err)
			}
			return
		}
		if n := len(got.ids); n < 1 || n > 16 || len(got.x) != n || len(got.y) != n || len(got.patterns) != n*area {
			t.Fatalf("%d ids, %d, %d, %d values", n, len(got.x), len(got.y), len(got.patterns))
		}
		for i, v := range got.patterns {
			if !(v >= 0 && v <= math.MaxFloat32) {
				t.Fatalf("element %d is %v", i, v)
			}
		}
		for i := range got.ids {
			if got.ids[i] < 0 || got.ids[i] > maxID || !(math.Abs(got.x[i])+math.Abs(got.y[i]) <= math.MaxFloat64) {
				t.Fatalf("frame %d at (%v, %v)", got.ids[i], got.x[i], got.y[i])
			}
		}
	})
}
