package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// Job is a scan with a model and options. Its ID is the SHA-256 of everything that its outcomes depend on, so the same
// job, started again, finds its outcomes.
type Job struct {
	ID     Digest
	Model  []byte // the file
	Digest Digest // of the file

	*reconstruct.Reconstruction
}

// usualMessage limits messages that could be larger, in bytes: it is the default limit of NATS servers.
const usualMessage = 1 << 20

// headerSize is more than the headers of a message take.
const headerSize = 256

// NewJob cuts a scan into batches that the broker accepts. It reads all patterns once, for the digest. The caller
// closes the scan.
func NewJob(c *Connection, scan *dataset.Scan, model []byte, k contract.Contract, opt reconstruct.Options) (*Job,
	error) {
	j := &Job{Model: model, Digest: sha256.Sum256(model)}
	most, err := c.maxSamples(k)
	if err != nil {
		return nil, err
	}
	opt.BatchSize = min(opt.BatchSize, most)
	if j.Reconstruction, err = reconstruct.New(scan, k, opt); err != nil {
		return nil, err
	}
	content, err := scan.ContentDigest()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, v := range []uint64{version, uint64(opt.Count), opt.Seed, uint64(opt.BatchSize)} {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, v)) // never fails
	}
	_, _ = h.Write(j.Digest[:])
	_, _ = h.Write([]byte(content))
	h.Sum(j.ID[:0])
	return j, nil
}

// maxSamples is how many samples a message may hold.
func (c *Connection) maxSamples(k contract.Contract) (int, error) {
	one := shape{Samples: 1, Channels: k.Channels, N: k.N}
	limit, need := int(c.nc.MaxPayload()), maxOutcomeSize(one, k.Variance)+headerSize
	if need > limit {
		return 0, &badinput.Error{
			File: c.name, Key: "--nats", Found: fmt.Sprintf("a broker that accepts messages of %d bytes", limit),
			Expected: fmt.Sprintf("at least %d, for a sample of %d patches of %d x %d", need, k.Channels, k.N, k.N),
			Remedy:   "raise max_payload of nats-server, or run ptyx broker, which accepts 8 MiB",
		}
	}
	return max(1, (c.messageLimit()-headSize-maxText)/(4*outputs(k.Variance)*one.values())), nil
}

// messageLimit is how long the content of a message may be, in bytes, for messages that can be made shorter.
func (c *Connection) messageLimit() int {
	return min(int(c.nc.MaxPayload()), usualMessage) - headerSize
}

// shape is the shape of batch i.
func (j *Job) shape(i int) shape { return shape{Samples: j.Samples(i), Channels: j.Channels, N: j.N} }

// task is the task of batch i.
func (j *Job) task(i int, patterns []float32) Task {
	offsets := ndarray.New[float32](j.Samples(i), 2)
	j.Offsets(i, offsets)
	return Task{
		Job: j.ID, Model: j.Digest, Batch: i, shape: j.shape(i), Patterns: patterns, Offsets: offsets.Data,
		Variance: j.Contract.Variance,
	}
}
