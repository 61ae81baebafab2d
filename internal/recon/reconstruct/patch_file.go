package reconstruct

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"sync"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
)

// PatchFile keeps the patches of a network on disk until they are turned to one phase, and those patterns that show the
// trend of the object. Its files have no names, so a scan of any size needs little memory and leaves nothing. Several
// goroutines may call Add and See.
type PatchFile struct {
	n       int
	weights *ndarray.Float32 // (N, N), of the pixels of coarse patches
	dir     string           // of the files; empty: that of temporary files
	most    int64            // bytes of the files; 0: any number

	mu      sync.Mutex
	patches records     // (N, N)
	coarse  records     // (M, M)
	rough   []complex64 // the coarse patch that is being written
	placed  []Placed    // the frames of the patches, in the order of the file
	samples samples     // patterns, for the trend
	fault   error       // why patches could not be kept; none are kept after it
}

// KeepPatches keeps patches of a model in a directory, of at most so many bytes; empty stands for the directory of
// temporary files, and 0 for any number. It returns nil, which keeps nothing, for a network of several channels: its
// patches are groups with one phase.
func KeepPatches(c contract.Contract, dir string, most int64) *PatchFile {
	if c.Channels != 1 {
		return nil
	}
	f := &PatchFile{n: c.N, weights: soft(light(c), c), dir: dir, most: most, samples: newSamples(c, dir)}
	f.rough = make([]complex64, coarseSide(c.N)*coarseSide(c.N))
	return f
}

// Add keeps the patch (N, N) of a frame. If the disk or the file is full, Agree returns the error. Without a file, it
// does nothing.
func (f *PatchFile) Add(p Placed, patch []complex64) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		return
	}
	err := f.write(p, patch)
	if err != nil && len(f.samples.frames) > 0 { // patches have room before patterns
		f.samples.fail(err)
		err = f.write(p, patch)
	}
	if err != nil {
		f.fault = keepingError("patches", f.dir, err)
		f.close()
		return
	}
	f.placed = append(f.placed, p)
}

// write appends a patch and its coarse copy.
func (f *PatchFile) write(p Placed, patch []complex64) error {
	count := len(f.placed)
	if size := bytesPerValue * int64(len(patch)+len(f.rough)); f.most > 0 && f.bytes()+size > f.most {
		return fmt.Errorf("the %.3g GB for them are full with %d frames", float64(f.most)/1e9, count)
	}
	_, _, top, left := coarseCorner(p, f.n)
	coarsen(patch, f.weights.Data, f.n, top, left, f.rough)
	err := f.patches.write(f.dir, count, patch)
	if err == nil {
		err = f.coarse.write(f.dir, count, f.rough)
	}
	return err
}

// bytes is the size of the files.
func (f *PatchFile) bytes() int64 {
	return int64(len(f.placed))*bytesPerValue*int64(f.n*f.n+len(f.rough)) + f.samples.bytes()
}

// keepingError says what could not be kept, and where.
func keepingError(what, dir string, err error) error {
	where := cmp.Or(dir, os.TempDir()+", the directory for temporary files")
	return fmt.Errorf("keeping %s in %s: %w", what, where, err)
}

// Close gives the disk space back. Without a file, it does nothing. Several goroutines may call it, but none while
// Agree reads.
func (f *PatchFile) Close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
}

// close is Close with the file locked.
func (f *PatchFile) close() {
	f.patches.close()
	f.coarse.close()
	f.samples.close()
}

// bytesPerValue is the size of a value of a patch in a file: real and imaginary part, float32.
const bytesPerValue = 8

// records is a file without a name, of arrays that have one size. The zero value has none yet.
type records struct {
	file *os.File
	raw  []byte // the array that is being written
}

// write writes an array as the given record. The first one makes the file, in a directory that it makes if need be;
// empty stands for that of temporary files.
func (r *records) write(dir string, at int, values []complex64) (err error) {
	if r.file == nil {
		if dir != "" {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			r.file, err = destination.Unnamed(dir, "patches")
		}
		if err != nil {
			return err
		}
	}
	r.raw = r.raw[:0]
	for _, v := range values {
		r.raw = binary.LittleEndian.AppendUint32(r.raw, math.Float32bits(real(v)))
		r.raw = binary.LittleEndian.AppendUint32(r.raw, math.Float32bits(imag(v)))
	}
	_, err = r.file.WriteAt(r.raw, int64(at)*int64(len(r.raw)))
	return err
}

// read reads a record by way of raw, which it returns for the next one. Several goroutines may read.
func (r *records) read(at int, raw []byte, into []complex64) ([]byte, error) {
	if size := bytesPerValue * len(into); len(raw) != size {
		raw = make([]byte, size)
	}
	if _, err := r.file.ReadAt(raw, int64(at)*int64(len(raw))); err != nil {
		return raw, fmt.Errorf("reading patches that were kept on disk: %w", err)
	}
	for i := range into {
		v := raw[bytesPerValue*i:][:bytesPerValue]
		re, im := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:])
		into[i] = complex(math.Float32frombits(re), math.Float32frombits(im))
	}
	return raw, nil
}

// close gives the disk space back.
func (r *records) close() {
	if r.file != nil {
		_ = r.file.Close() // it has no name, so nothing of it is left
		r.file = nil
	}
}
