package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// ModelFile is the model's name in a run directory.
const ModelFile = "model.onnx"

// Read reads a model file. path is an .onnx file, or a run directory with a model.onnx.
func Read(path string) (data []byte, m *onnxir.Model, file string, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, path,
			&badinput.Error{File: path, Found: "no such file or directory",
				Expected: "a run directory or an .onnx file"}
	case err != nil:
		return nil, nil, path, fmt.Errorf("opening the model: %w", err)
	}
	file = path
	if info.IsDir() {
		file = filepath.Join(path, ModelFile)
	}
	if info, err := os.Stat(file); err == nil &&
		(info.Size() > onnxir.MaxBytes || !info.Mode().IsRegular() && !info.IsDir()) {
		return nil, nil, file,
			&badinput.Error{File: file, Found: fmt.Sprintf("%d bytes, or no file at all", info.Size()),
				Expected: "an ONNX file of less than 2 GiB"}
	}
	if data, err = os.ReadFile(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, file,
			&badinput.Error{File: path, Found: "a directory without " + ModelFile,
				Expected: "a run directory of ptyx train or an .onnx file"}
	} else if err != nil {
		return nil, nil, file,
			&badinput.Error{File: file, Found: "a file that cannot be read", Expected: checkpoint, Cause: err}
	}
	if kind := archive(data); kind != "" {
		return nil, nil, file,
			&badinput.Error{File: file, Found: kind, Expected: checkpoint,
				Remedy: "scans and reconstructions go to other flags than models"}
	}
	if m, err = onnxir.Unmarshal(data); err != nil {
		return nil, nil, file,
			&badinput.Error{File: file, Found: "bytes that are not an ONNX model", Expected: checkpoint, Cause: err,
				Remedy: "export it again"}
	}
	return data, m, file, nil
}

const checkpoint = "a checkpoint of ptyx train"

// archive names the kinds of files that scans come in; empty: none of them.
func archive(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return "an NPZ file"
	case bytes.HasPrefix(data, []byte("\x89HDF")):
		return "an HDF5 file"
	}
	return ""
}

// Digest names a model file by its bytes: their SHA-256 in hex.
func Digest(model []byte) string {
	sum := sha256.Sum256(model)
	return hex.EncodeToString(sum[:])
}

// Load reads a model file with its contract.
func Load(path string) (data []byte, m *onnxir.Model, c Contract, err error) {
	data, m, file, err := Read(path)
	if err != nil {
		return nil, nil, Contract{}, err
	}
	if c, err = Parse(m); err != nil {
		var bad *badinput.Error
		if errors.As(err, &bad) {
			bad.File = file
		}
		return nil, nil, Contract{}, err
	}
	return data, m, c, nil
}
