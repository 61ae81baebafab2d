package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ptyx/internal/badinput"
	"ptyx/internal/onnxir"
)

// ModelFile is the model's name in a run directory.
const ModelFile = "model.onnx"

// Read reads a model file: path is an .onnx file, or a run directory, whose model.onnx is taken.
func Read(path string) (data []byte, m *onnxir.Model, file string, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, path, &badinput.Error{File: path, Found: "no such file or directory", Expected: "a run directory or an .onnx file"}
	case err != nil:
		return nil, nil, path, fmt.Errorf("opening the model: %w", err)
	}
	file = path
	if info.IsDir() {
		file = filepath.Join(path, ModelFile)
	}
	if data, err = os.ReadFile(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, file, &badinput.Error{File: path, Found: "a directory without " + ModelFile, Expected: "a run directory of ptyx train or an .onnx file"}
	} else if err != nil {
		return nil, nil, file, fmt.Errorf("reading the model: %w", err)
	}
	if m, err = onnxir.Unmarshal(data); err != nil {
		return nil, nil, file, &badinput.Error{File: file, Found: "bytes that are not an ONNX model", Expected: "a checkpoint of ptyx train", Cause: err, Remedy: "export it again"}
	}
	return data, m, file, nil
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
