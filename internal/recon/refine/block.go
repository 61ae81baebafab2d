package refine

import (
	"cmp"
	"math"
	"slices"

	"ptyx/internal/recon/solve"
)

// block is some frames that lie together.
type block struct {
	members  []int // indices of frames
	x, y     []float64
	places   []int // of their patterns in the store
	measured []bool
	visits   int // of the frame in its middle
}

// Bounds of blocks.
const (
	leastFrames = 8       // of a scan; fewer do not determine a probe
	firstFrames = 128     // of a block with a new frame, which should not wait
	firstPasses = 5       // over it
	blockPixels = 1 << 23 // of the patterns of any other block: 32 MB, which the solver holds three times
	laterPasses = 10      // over it
	mostBatches = 8       // of a pass over it; fewer with each visit, because small batches fit noise in the end
	mostVisits  = 6       // of a frame
	freshFrames = 32      // so many new frames interrupt any other block
	farthest    = 8       // distance of frames of a block in cells
)

// cell is a square of the size of a pattern, in which frames are looked up.
type cell struct{ row, col int }

func cellOf(x, y float64, n int) cell {
	return cell{int(math.Floor(y / float64(n))), int(math.Floor(x / float64(n)))}
}

// next chooses the frame with the fewest visits, of these the first that arrived, and the frames around it. Blocks of
// new frames are small, to show them soon. The others are large, because these converge at low frequencies, too. ok is
// false if there is nothing to do.
func (l *Live) next() (b block, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.frames) < leastFrames {
		return b, false
	}
	seed := 0
	for i, f := range l.frames {
		if f.visits < l.frames[seed].visits {
			seed = i
		}
	}
	if b.visits = l.frames[seed].visits; b.visits >= mostVisits {
		return b, false
	}
	size := max(leastFrames, blockPixels/(l.n*l.n))
	if b.visits == 0 {
		size = min(firstFrames, size)
	}
	b.members, b.measured = l.around(seed, size), l.measured
	for _, i := range b.members {
		f := l.frames[i]
		b.x, b.y, b.places = append(b.x, f.x), append(b.y, f.y), append(b.places, f.place)
	}
	return b, true
}

// options are those of the solver.
func (b block) options() solve.Options {
	if b.visits == 0 {
		return solve.Defaults(firstPasses)
	}
	o := solve.Defaults(laterPasses)
	batches := max(1, mostBatches>>b.visits)
	o.BatchSize = (len(b.members) + batches - 1) / batches
	return o
}

// around lists at most size frames, those next to the frame seed.
func (l *Live) around(seed, size int) (members []int) {
	centre := l.frames[seed]
	at := cellOf(centre.x, centre.y, l.n)
	reached := 0 // rings of cells whose frames are all near enough
	for ring := 0; ring <= farthest; ring++ {
		for row := at.row - ring; row <= at.row+ring; row++ {
			step := 1
			if row != at.row-ring && row != at.row+ring {
				step = max(1, 2*ring)
			}
			for col := at.col - ring; col <= at.col+ring; col += step {
				members = append(members, l.near[cell{row, col}]...)
			}
		}
		if len(members) >= size { // one more ring: a corner is farther than the next side
			if reached++; reached > 1 {
				break
			}
		}
	}
	distance := func(i int) float64 { return math.Hypot(l.frames[i].x-centre.x, l.frames[i].y-centre.y) }
	slices.SortFunc(members, func(i, j int) int {
		return cmp.Or(cmp.Compare(distance(i), distance(j)), cmp.Compare(i, j))
	})
	members = members[:min(size, len(members))]
	slices.Sort(members)
	return members
}
