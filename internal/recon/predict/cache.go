package predict

import (
	"errors"
	"fmt"
	"slices"

	"ptyx/internal/base/ndarray"
)

// Cache keeps a Predictor's batches of the sizes used last, so that a recurring size is bound to arrays once. One
// goroutine uses it.
type Cache struct {
	predictor Predictor
	sizes     int
	batches   []Batch // the latest last
}

// NewCache keeps batches of the given number of sizes, at least one. The caller closes the predictor.
func NewCache(p Predictor, sizes int) *Cache { return &Cache{predictor: p, sizes: max(sizes, 1)} }

// Batch returns the batch for patterns of a shape, (B, C, N, N). It is valid until the next call with another size. For
// patterns that the network does not take the error is NotAPredictor.
func (c *Cache) Batch(shape []int) (Batch, error) { return c.batch(shape, 0) }

// batch is Batch with an input for a number of probes; 0: the network uses its own.
func (c *Cache) batch(shape []int, probes int) (Batch, error) {
	b, err := c.ofSize(shape[0], probes)
	if err != nil {
		return nil, err
	}
	if got := b.Patterns().Shape; !ndarray.SameShape(got, shape) {
		return nil, NotAPredictor(fmt.Sprintf("input %v, where the patterns are %v", got, shape))
	}
	return b, nil
}

func (c *Cache) ofSize(samples, probes int) (Batch, error) {
	hasSize := func(b Batch) bool { return b.Patterns().Shape[0] == samples && countProbes(b) == probes }
	if i := slices.IndexFunc(c.batches, hasSize); i >= 0 {
		b := c.batches[i]
		c.batches = append(slices.Delete(c.batches, i, i+1), b)
		return b, nil
	}
	if len(c.batches) == c.sizes {
		oldest := c.batches[0]
		c.batches = slices.Delete(c.batches, 0, 1)
		if err := oldest.Close(); err != nil {
			return nil, fmt.Errorf("releasing a batch: %w", err)
		}
	}
	b, err := c.prepare(samples, probes)
	if err != nil {
		return nil, fmt.Errorf("preparing the network for %d samples: %w", samples, err)
	}
	c.batches = append(c.batches, b)
	return b, nil
}

func (c *Cache) prepare(samples, probes int) (Batch, error) {
	if probes == 0 {
		return c.predictor.Prepare(samples)
	}
	taker, ok := c.predictor.(ProbeTaker)
	if !ok {
		return nil, ErrNoProbe
	}
	return taker.PrepareProbes(samples, probes)
}

// countProbes is the number of probes that a batch takes.
func countProbes(b Batch) int {
	with, ok := b.(ProbeBatch)
	if !ok {
		return 0
	}
	if re, _ := with.Probes(); re != nil {
		return re.Shape[0]
	}
	return 0
}

// Compute runs the network on a batch of requests whose samples have the given shape, (C, N, N), and hands out the
// patches. On a GPU it pads a smaller batch with dark patterns to padTo samples, because preparing a new size there
// takes longer than computing a full batch. With padTo 0 it never pads.
func (c *Cache) Compute(batch []Request, sample []int, padTo int) error {
	samples, probe := Values(batch)/ndarray.Size(sample), batch[0].Probe
	if hasProbe := func(r Request) bool { return r.Probe.Re != nil }; len(batch) > 1 &&
		slices.ContainsFunc(batch, hasProbe) {
		return errors.New("a request with a probe shares its batch")
	}
	if c.predictor.Provider() == "CUDAExecutionProvider" {
		samples = max(samples, padTo)
	}
	probes := probe.Count(ndarray.Size(sample))
	if probes > 1 {
		probes = samples
	}
	b, err := c.batch(append([]int{samples}, sample...), probes)
	if err != nil {
		return err
	}
	if probes > 0 {
		setProbes(b, probe)
	}
	input, at := b.Patterns().Data, 0
	for _, r := range batch {
		setOffsets(b, at/ndarray.Size(sample), len(r.Patterns)/ndarray.Size(sample), r.Offsets)
		at += copy(input[at:], r.Patterns)
	}
	clear(input[at:])
	first, second, err := b.Run()
	if err != nil {
		return fmt.Errorf("running the network: %w", err)
	}
	var variance []float32
	if v := LogVariance(b); v != nil {
		variance = v.Data
	} else if NeedsVariance(batch) {
		return errors.New("the network has no output for the variance")
	}
	Distribute(batch, first.Data, second.Data, variance)
	return nil
}

// setOffsets writes the offsets (count, 2) of samples from the given one on; nil stands for 0. A network without
// offsets ignores them.
func setOffsets(b Batch, from, count int, offsets []float32) {
	if b.Offsets() == nil {
		return
	}
	to := b.Offsets().Data[2*from : 2*(from+count)]
	clear(to)
	copy(to, offsets)
}

// setProbes writes probes to a batch that takes them. Samples that pad the batch repeat the first probes.
func setProbes(b Batch, probe Probe) {
	re, im := b.(ProbeBatch).Probes()
	for at := 0; at < len(re.Data); at += len(probe.Re) {
		copy(re.Data[at:], probe.Re)
		copy(im.Data[at:], probe.Im)
	}
}

// Close releases all batches.
func (c *Cache) Close() (err error) {
	for _, b := range c.batches {
		err = errors.Join(err, b.Close())
	}
	c.batches = nil
	return err
}
