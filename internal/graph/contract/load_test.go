package contract_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
)

// saved writes a file of a fresh directory.
func saved(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAModelIsFoundByItsFileAndByItsDirectory(t *testing.T) {
	data := file(sample().Properties()).Marshal()
	path := saved(t, contract.ModelFile, data)
	for _, given := range []string{path, filepath.Dir(path)} {
		read, m, c, err := contract.Load(given)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read, data) || m.Graph.Name != "g" || !reflect.DeepEqual(c, sample()) {
			t.Errorf("%s: read as %+v", given, c)
		}
		if _, _, found, err := contract.Read(given); err != nil || found != path {
			t.Errorf("%s: read from %s (%v)", given, found, err)
		}
	}
	other := saved(t, "best.onnx", data) // any name will do for a file
	if _, _, _, err := contract.Load(other); err != nil {
		t.Error(err)
	}
}

func TestLoadRefusesOtherFiles(t *testing.T) {
	nothing := t.TempDir()
	text := saved(t, "text.onnx", []byte("This is no model.\n"))
	empty := saved(t, "empty.onnx", nil)
	foreign := saved(t, "foreign.onnx", file(nil).Marshal())
	damaged := saved(t, contract.ModelFile, file(with("ptyx.n", "many")).Marshal())
	for _, c := range []struct{ path, file, says string }{
		{filepath.Join(nothing, "missing.onnx"), filepath.Join(nothing, "missing.onnx"),
			"found no such file or directory, expected a run directory or an .onnx file"},
		{nothing, nothing, "found a directory without model.onnx"},
		{text, text, "found bytes that are not an ONNX model"},
		{empty, empty, "has no graph; this is not an ONNX file"},
		{foreign, foreign, "ptyx.version: found no such metadata"},
		{damaged, damaged, `metadata ptyx.n: found "many", expected a whole number`},
		{filepath.Dir(damaged), damaged, `metadata ptyx.n: found "many", expected a whole number`},
	} {
		data, m, _, err := contract.Load(c.path)
		var bad *badinput.Error
		if !errors.As(err, &bad) || bad.File != c.file || !strings.Contains(err.Error(), c.says) || data != nil ||
			m != nil {
			t.Errorf("%s: %v, want %s: %s", c.path, err, c.file, c.says)
		}
	}
}

// The contract is the last thing in a file, so no part of a file passes for the whole.
func TestACutFileIsRefused(t *testing.T) {
	data := file(sample().Properties()).Marshal()
	for cut := range data {
		m, err := onnxir.Unmarshal(data[:cut])
		if err != nil {
			continue
		}
		var bad *badinput.Error
		if _, err := contract.Parse(m); !errors.As(err, &bad) {
			t.Errorf("cut after %d of %d bytes: %v", cut, len(data), err)
		}
	}
}
