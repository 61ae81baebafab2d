package workflow

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/engine"
	"ptyx/models"
	"ptyx/trainer"
)

// TestPatternsOfManySizes: a scan whose side is no power of two is trained on, the model reconstructs it on both
// engines alike, and the object resembles the truth.
func TestPatternsOfManySizes(t *testing.T) {
	for _, n := range []int{40, 96} {
		t.Run(fmt.Sprintf("N=%d", n), func(t *testing.T) {
			o := options(t, engine.KindORT)
			o.TrainFiles = Paths{simulated(t, n, 24)}
			o.Config.Network, o.Config.Extent, o.Config.MaxEpochs = models.Unrolled, models.Full, 1
			trained(t, o)
			want, err := infer(t, filepath.Join(o.OutputDir, trainer.ModelFile), o.TrainFiles[0], engine.KindORT, 5)
			if err != nil {
				t.Fatal(err)
			}
			got, err := infer(t, o.OutputDir, o.TrainFiles[0], engine.KindTape, 4)
			if err != nil {
				t.Fatal(err)
			}
			a, b := object(t, got), object(t, want)
			if !ndarray.SameShape(a.Shape, b.Shape) {
				t.Fatalf("objects of shape %v and %v", a.Shape, b.Shape)
			}
			const tolerance = 1e-3 // float32 sums of 10^3 terms in another order, through five stages
			for i := range a.Data {
				if d := a.Data[i] - b.Data[i]; !(math.Hypot(float64(real(d)), float64(imag(d))) <= tolerance) {
					t.Fatalf("pixel %d is %v on the tape, %v in ONNX Runtime", i, a.Data[i], b.Data[i])
				}
			}
			result, err := evaluate.Files(evaluate.Options{Recon: want, Reference: o.TrainFiles[0]})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("correlation %.4f", result.Report.Correlation)
			if !(result.Report.Correlation > 0.6) { // one epoch of 24 patterns gives 0.81 at N = 64, 0.63 at 128
				t.Errorf("correlation %.4f with the truth", result.Report.Correlation)
			}
		})
	}
}
