package predict

import "ptyx/internal/base/ndarray"

// Blank takes the place of a network: its patches of N x N pixels are 1 everywhere, an empty object.
type Blank struct{ N int }

// Provider names the device that computes.
func (Blank) Provider() string { return "none" }

// Fallback is empty: nothing computes.
func (Blank) Fallback() string { return "" }

// Close does nothing.
func (Blank) Close() error { return nil }

// Prepare returns a batch for b patterns.
func (p Blank) Prepare(b int) (Batch, error) {
	array := func() *ndarray.Float32 { return ndarray.New[float32](b, 1, p.N, p.N) }
	blank := &blankBatch{patterns: array(), amplitude: array(), phase: array()}
	for i := range blank.amplitude.Data {
		blank.amplitude.Data[i] = 1
	}
	return blank, nil
}

// blankBatch is a batch of a Blank.
type blankBatch struct{ patterns, amplitude, phase *ndarray.Float32 }

func (b *blankBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (*blankBatch) Offsets() *ndarray.Float32    { return nil }
func (b *blankBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	return b.amplitude, b.phase, nil
}
func (*blankBatch) Close() error { return nil }
