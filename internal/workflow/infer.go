package workflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"ptyx/internal/badinput"
	"ptyx/internal/contract"
	"ptyx/internal/dataset"
	"ptyx/internal/destination"
	"ptyx/internal/reconstruct"
)

// InferOptions is a whole reconstruction.
type InferOptions struct {
	Model     string // .onnx file or run directory
	Scan      string
	Input     dataset.InputKind
	Layout    dataset.Orientation // of the patterns' array
	View      dataset.View
	OutputDir string
	Count     int
	Seed      uint64
	BatchSize int
	Engine    EngineOptions
}

// check refuses, before any work, what cannot be run or saved in the end.
func (o InferOptions) check() error {
	if o.Count < 0 {
		return &badinput.Error{Key: "n_images", Found: fmt.Sprint(o.Count), Expected: "0 (all) or more"}
	}
	if err := o.Engine.check(); err != nil {
		return err
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// Infer reconstructs the object of a scan and writes it with its pictures. It returns a sentence that says what was made.
func Infer(ctx context.Context, o InferOptions, log *slog.Logger) (string, error) {
	if err := o.check(); err != nil {
		return "", err
	}
	model, _, c, err := contract.Load(o.Model)
	if err != nil {
		return "", err
	}
	scan, err := dataset.Open(o.Scan, dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View, NoProbe: true, NoObject: true, Log: log})
	if err != nil {
		return "", err
	}
	defer scan.Close()
	predictor, release, err := o.Engine.predictor(model)
	if err != nil {
		return "", o.ofModel(err)
	}
	result, err := reconstruct.Run(ctx, predictor, scan, c, reconstruct.Options{Count: o.Count, Seed: o.Seed, BatchSize: o.BatchSize})
	if closeErr := predictor.Close(); err == nil {
		err = closeErr
	}
	if closeErr := release(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", o.ofModel(err)
	}
	digest := sha256.Sum256(model)
	if err := result.Save(o.OutputDir, hex.EncodeToString(digest[:])); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %d patches on %s, object %d x %d", o.OutputDir, result.Patches, result.Provider,
		result.Object.Shape[0], result.Object.Shape[1]), nil
}

// ofModel names the model in a complaint that has no file: those about scans have theirs.
func (o InferOptions) ofModel(err error) error {
	var bad *badinput.Error
	if errors.As(err, &bad) && bad.File == "" && (bad.Key == "graph" || bad.Key == dataset.KeyProbe) {
		bad.File = o.Model
		return bad // alone: what wraps it has its old words
	}
	return err
}
