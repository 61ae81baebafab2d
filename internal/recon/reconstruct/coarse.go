package reconstruct

import (
	"cmp"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/stitch"
)

// coarsePixels is how many coarse pixels a side of a patch has, about: a phase needs no finer ones. With half as many,
// objects are less good by 0.003 (docs/dev/decisions.md).
const coarsePixels = 16

// coarseBin is the side, in pixels, of the squares that a coarse patch sums.
func coarseBin(n int) int { return max(1, n/coarsePixels) }

// coarseSide is the side M of a coarse patch. It covers a patch wherever that begins within a square.
func coarseSide(n int) int { return (n+coarseBin(n)-2)/coarseBin(n) + 1 }

// coarseCorner is the row and column of the square in which the patch of n x n pixels of a frame begins, and how many
// pixels (top, left) behind its border.
func coarseCorner(p Placed, n int) (row, col, top, left int) {
	y, x := frame.Corner(p.X, p.Y, n)
	bin := coarseBin(n)
	row, col = frame.FloorDiv(y, bin), frame.FloorDiv(x, bin)
	return row, col, y - bin*row, x - bin*col
}

// coarsen sums a patch (N, N), times the weights, over squares of the scan's frame: into (M, M). The patch begins so
// many pixels (top, left) behind the border of a square. Pixels that the canvas shortens, because the probe is dim
// there, count as none.
func coarsen(patch []complex64, weights []float32, n, top, left int, into []complex64) {
	bin, side := coarseBin(n), coarseSide(n)
	clear(into)
	for y := range n {
		row := into[(top+y)/bin*side:][:side]
		light := weights[y*n:][:n]
		for x, v := range patch[y*n:][:n] {
			if a, b := real(v), imag(v); a*a+b*b <= stitch.MaxMagnitude*stitch.MaxMagnitude {
				row[(left+x)/bin] += complex(light[x]*a, light[x]*b)
			}
		}
	}
}

// coarseSum is the sum of all coarse patches of a file, each as it is turned so far.
type coarseSum struct {
	file  *PatchFile
	side  int   // M
	order []int // the patches by their ids, so that the order of Add does not matter

	corners [][2]int     // row and column of each patch in sum, in the order of the file
	sum     []complex128 // (H, W)
	width   int          // W
	patch   []complex64  // the one that was read last, (M, M)
	raw     []byte       // its record
}

// coarseSum adds up the coarse patches as they are.
func (f *PatchFile) coarseSum() (*coarseSum, error) {
	s := &coarseSum{file: f, side: coarseSide(f.n), corners: make([][2]int, len(f.placed))}
	s.patch = make([]complex64, s.side*s.side)
	for at, p := range f.placed {
		row, col, _, _ := coarseCorner(p, f.n)
		s.corners[at] = [2]int{row, col}
		s.order = append(s.order, at)
	}
	slices.SortFunc(s.order, func(a, b int) int { return cmp.Compare(f.placed[a].ID, f.placed[b].ID) })
	s.makeRoom()
	for _, at := range s.order {
		patch, err := s.read(at)
		if err != nil {
			return nil, err
		}
		s.add(at, patch, 1)
	}
	return s, nil
}

// makeRoom moves the corners to a frame that begins at 0, and makes the sum as large as all patches need.
func (s *coarseSum) makeRoom() {
	if len(s.corners) == 0 {
		return
	}
	low, high := s.corners[0], s.corners[0]
	for _, c := range s.corners {
		for axis, v := range c {
			low[axis], high[axis] = min(low[axis], v), max(high[axis], v)
		}
	}
	for at := range s.corners {
		s.corners[at][0] -= low[0]
		s.corners[at][1] -= low[1]
	}
	s.width = high[1] - low[1] + s.side
	s.sum = make([]complex128, (high[0]-low[0]+s.side)*s.width)
}

// read is a coarse patch (M, M), valid until the next read.
func (s *coarseSum) read(at int) (patch []complex64, err error) {
	s.raw, err = s.file.coarse.read(at, s.raw, s.patch)
	return s.patch, err
}

// row is row y of a patch's place in the sum, (M).
func (s *coarseSum) row(at, y int) []complex128 {
	corner := s.corners[at]
	return s.sum[(corner[0]+y)*s.width+corner[1]:][:s.side]
}

// add adds a coarse patch times a factor.
func (s *coarseSum) add(at int, patch []complex64, factor complex128) {
	for y := range s.side {
		row := s.row(at, y)
		for x, v := range patch[y*s.side:][:s.side] {
			row[x] += factor * complex128(v)
		}
	}
}
