package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/graph/onnxir"
)

// transfer is how long it may take to store or fetch a model.
const transfer = 5 * time.Minute

// renewal is how old a stored model may be when a job begins.
const renewal = 24 * time.Hour

// putModel stores a model under its digest, unless it is there and will stay.
func (s streams) putModel(ctx context.Context, digest Digest, model []byte) error {
	ctx, cancel := context.WithTimeout(ctx, transfer)
	defer cancel()
	info, err := s.models.GetInfo(ctx, digest.String())
	if err == nil && time.Since(info.ModTime) < renewal && info.Size == uint64(len(model)) {
		return nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("looking for the model: %w", err)
	}
	err = s.connection.whole(ctx, func(ctx context.Context) error {
		_, err := s.models.Put(ctx, jetstream.ObjectMeta{Name: digest.String()}, bytes.NewReader(model))
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the model: %w", err)
	}
	return nil
}

// getModel fetches the model of a digest, and holds it to it.
func (s streams) getModel(ctx context.Context, digest Digest) (model []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, transfer)
	defer cancel()
	err = s.connection.whole(ctx, func(ctx context.Context) error {
		model, err = s.fetchModel(ctx, digest)
		return err
	})
	return model, err
}

func (s streams) fetchModel(ctx context.Context, digest Digest) ([]byte, error) {
	object, err := s.models.Get(ctx, digest.String())
	if err != nil {
		return nil, fmt.Errorf("fetching model %s: %w", digest, err)
	}
	defer object.Close()
	info, err := object.Info()
	if err != nil {
		return nil, fmt.Errorf("fetching model %s: %w", digest, err)
	}
	if info.Size > onnxir.MaxBytes {
		return nil, fmt.Errorf("fetching model %s: %d bytes, expected %d at most", digest, info.Size, onnxir.MaxBytes)
	}
	model, err := io.ReadAll(io.LimitReader(object, onnxir.MaxBytes))
	if err != nil {
		return nil, fmt.Errorf("fetching model %s: %w", digest, err)
	}
	if got := Digest(sha256.Sum256(model)); got != digest {
		return nil, fmt.Errorf("fetching model %s: what is stored there is %s", digest, got)
	}
	return model, nil
}
