// Package local opens a predictor in this process, on the engine that the user chose.
package local

import (
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
)

// Open loads the bytes of a checkpoint into the engine of o. Close the predictor first, then release the engine.
func Open(o engine.Options, model []byte) (p predict.Predictor, release func() error, err error) {
	if o.Kind == engine.KindTape {
		return NewTape(model), func() error { return nil }, nil
	}
	env, err := o.Environment()
	if err != nil {
		return nil, nil, err
	}
	if p, err = predict.NewORT(env, model, o.Session()); err != nil {
		_ = env.Close()
		return nil, nil, err
	}
	return p, env.Close, nil
}
