package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// Job is a scan with a model and options. Its ID is the SHA-256 of all that its outcomes depend on, so that whoever begins the same again goes on
// with it.
type Job struct {
	ID     Digest
	Model  []byte // the file
	Digest Digest // of the file

	*reconstruct.Reconstruction
}

// usualMessage is how large messages are where samples are smaller: what NATS servers take unless they are told otherwise.
const usualMessage = 1 << 20

// NewJob cuts a scan into batches that the broker takes. It reads all patterns once, for the digest. The scan stays the caller's.
func NewJob(c *Connection, scan *dataset.Scan, model []byte, k contract.Contract, opt reconstruct.Options) (*Job, error) {
	j := &Job{Model: model, Digest: sha256.Sum256(model)}
	fits, err := c.fitting(k)
	if err != nil {
		return nil, err
	}
	opt.BatchSize = min(opt.BatchSize, fits)
	if j.Reconstruction, err = reconstruct.New(scan, k, opt); err != nil {
		return nil, err
	}
	content, err := scan.ContentDigest()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, v := range []uint64{version, uint64(opt.Count), opt.Seed, uint64(opt.BatchSize)} {
		_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, v)) // a hash never fails
	}
	_, _ = h.Write(j.Digest[:])
	_, _ = h.Write([]byte(content))
	h.Sum(j.ID[:0])
	return j, nil
}

// fitting is how many samples a message may have.
func (c *Connection) fitting(k contract.Contract) (int, error) {
	one := shape{Samples: 1, Channels: k.Channels, N: k.N}
	most := int(c.nc.MaxPayload())
	if outcomeSize(one)+headers > most {
		return 0, &badinput.Error{File: c.name, Key: "--nats", Found: fmt.Sprintf("a broker that takes messages of %d bytes", most),
			Expected: fmt.Sprintf("at least %d, for the %d patches of %d x %d that the model makes at once", outcomeSize(one)+headers, k.Channels, k.N, k.N),
			Remedy:   "raise max_payload of nats-server, or run ptyx broker, which takes 8 MiB"}
	}
	return max(1, (min(most, usualMessage)-headers-headSize-mostText)/(8*one.values())), nil
}

// headers is more than the headers of a message are.
const headers = 256

// shape of batch i.
func (j *Job) shape(i int) shape { return shape{Samples: j.Samples(i), Channels: j.Channels, N: j.N} }

// task of batch i.
func (j *Job) task(i int, patterns []float32) Task {
	return Task{Job: j.ID, Model: j.Digest, Batch: i, shape: j.shape(i), Patterns: patterns}
}
