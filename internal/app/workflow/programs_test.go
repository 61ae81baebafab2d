package workflow

import (
	"path/filepath"
	"testing"

	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/scan/dataset"
)

// TestRefinesTheResultOfAnotherProgram: object and probe of PtyPy are the start of a refinement, which then needs two
// passes; from an empty object, two passes find little.
func TestRefinesTheResultOfAnotherProgram(t *testing.T) {
	const files = "../../scan/source/testdata/"
	read := dataset.Options{View: dataset.View{Library: hdf5test.Library()}}
	refined := solved(t, files+"ptypy.ptyd", SolveOptions{Recon: files + "ptypy.ptyr", Read: read}, 2)
	c := compared(t, refined, files+"truth.npz", filePixelNM)
	t.Logf("correlation %.3f", c)
	if !(c > 0.98) {
		t.Errorf("correlation %.3f with the truth, want more than 0.98", c)
	}
	read.ProbeFile = files + "ptypy.ptyr"
	empty := solved(t, files+"ptypy.ptyd", SolveOptions{Read: read}, 2)
	if c := compared(t, empty, filepath.Join(files, "matlab.mat"), filePixelNM); c > 0.97 {
		t.Errorf("two passes from an empty object give %.3f: the start makes no difference", c)
	}
}
