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

// transferTimeout is for storing or fetching a model.
const transferTimeout = 5 * time.Minute

// maxStoredAge is how old a stored model may be when a job begins; an older one is stored again.
const maxStoredAge = 24 * time.Hour

// putModel stores a model under its digest, unless it is there and young enough.
func (s streams) putModel(ctx context.Context, digest Digest, model []byte) error {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	info, err := s.models.GetInfo(ctx, digest.String())
	if err == nil && time.Since(info.ModTime) < maxStoredAge && info.Size == uint64(len(model)) {
		return nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("looking for the model: %w", err)
	}
	err = s.connection.whileConnected(ctx, func(ctx context.Context) error {
		_, err := s.models.Put(ctx, jetstream.ObjectMeta{Name: digest.String()}, bytes.NewReader(model))
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the model: %w", err)
	}
	return nil
}

// getModel fetches a model and checks its digest.
func (s streams) getModel(ctx context.Context, digest Digest) (model []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	err = s.connection.whileConnected(ctx, func(ctx context.Context) error {
		if model, err = s.readModel(ctx, digest); err != nil {
			return fmt.Errorf("fetching model %s: %w", digest, err)
		}
		return nil
	})
	return model, err
}

func (s streams) readModel(ctx context.Context, digest Digest) ([]byte, error) {
	object, err := s.models.Get(ctx, digest.String())
	if err != nil {
		return nil, err
	}
	defer object.Close()
	info, err := object.Info()
	if err != nil {
		return nil, err
	}
	if info.Size > onnxir.MaxBytes {
		return nil, fmt.Errorf("%d bytes, expected %d at most", info.Size, onnxir.MaxBytes)
	}
	model, err := io.ReadAll(io.LimitReader(object, onnxir.MaxBytes))
	if err != nil {
		return nil, err
	}
	if got := Digest(sha256.Sum256(model)); got != digest {
		return nil, fmt.Errorf("what is stored there is %s", got)
	}
	return model, nil
}
