package general_test

import (
	"errors"
	"testing"

	"ptyx/export"
	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/general"
)

// One set of weights serves every size; the model for the size of the file is the file itself.
func TestModelsOfAllSizesHaveTheSameWeights(t *testing.T) {
	want, err := general.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{32, 64, 136} {
		file, c, err := general.Model(n)
		if err != nil {
			t.Fatal(err)
		}
		if c.N != n || !c.General() || !c.TakesProbe() || c.Probe.Shape[0] != n {
			t.Errorf("contract %+v of size %d", c, n)
		}
		got, err := export.Weights(file, general.Network(c, n))
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			for k, v := range w.Data {
				if got[i].Data[k] != v {
					t.Fatalf("size %d: weight %d of array %d is %g, want %g", n, k, i, got[i].Data[k], v)
				}
			}
		}
	}
}

func TestSizesThatTheNetworkLacksAreRefused(t *testing.T) {
	_, _, err := general.Model(50)
	if bad := (*badinput.Error)(nil); !errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}

// The program has room for the file: at most 2 MB.
func TestTheFileIsSmall(t *testing.T) {
	file, _, err := general.Model(64)
	if err != nil {
		t.Fatal(err)
	}
	if len(file) > 2_000_000 {
		t.Errorf("%d bytes", len(file))
	}
}
