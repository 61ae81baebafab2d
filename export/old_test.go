package export_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/predict"
)

// A model of the network estimate, which is not trained any more. ptyx 0.1.0 wrote it; all weights but those of the
// shortcuts were set to 0, so that the file is small.
func TestOldCheckpointsStillRun(t *testing.T) {
	packed, err := os.ReadFile("testdata/estimate.onnx.gz")
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	model, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	c, err := export.ReadContract(model)
	if err != nil || c.Network != "estimate" || c.TakesProbe() || c.Cartesian() {
		t.Fatalf("contract %+v, %v", c, err)
	}
	p, err := export.Rebuild(model, 2)
	if err != nil {
		t.Fatal(err)
	}
	patterns := testutil.Uniform(3, 0, 200, 2, 1, c.N, c.N)
	got, want := onTape(t, p, patterns), onORT(t, model, 2, patterns)
	complexOf := func(outputs []*ndarray.Float32) []float32 { // the phase of a dark pixel hangs on rounding
		patches := make([]complex64, len(outputs[0].Data))
		predict.Complex(c, outputs[0].Data, outputs[1].Data, patches)
		var parts []float32
		for _, v := range patches {
			parts = append(parts, real(v), imag(v))
		}
		return parts
	}
	testutil.CheckClose(t, "object", complexOf(got), complexOf(want), agreement)
}
