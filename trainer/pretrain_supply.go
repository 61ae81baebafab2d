package trainer

import (
	"math"
	"slices"
	"sync"

	"ptyx/internal/base/stream"
	"ptyx/internal/scan/experiments"
)

// SizeShare is a size of patterns, N, with its share of the steps.
type SizeShare struct {
	N     int     `yaml:"n"`
	Share float64 `yaml:"share"`
}

// supply makes the samples of a pretraining. Step and place in the step alone decide a sample, so any number of
// goroutines makes the same ones.
type supply struct {
	generator *experiments.Generator
	seed      uint64
	batch     int // samples of a step, in groups
	group     int
	sizes     []SizeShare
	solved    []*solved
	clarity   float64 // how much patterns are preferred that show their object
	share     float64 // of samples from solved scans, where there are some of the size
}

// size is the side of the patterns of a step.
func (s *supply) size(step int) int {
	sum := 0.0
	for _, size := range s.sizes {
		sum += size.Share
	}
	at := stream.New(s.seed, "trainer/sizes", step).Float64() * sum
	for _, size := range s.sizes {
		if at -= size.Share; at < 0 {
			return size.N
		}
	}
	return s.sizes[len(s.sizes)-1].N
}

// lot is the samples of a step.
type lot struct {
	n       int
	samples []*sample
}

// maker makes one group after the other; each goroutine has its own.
type maker struct {
	*supply
	work map[int][]*experiments.Sample // a group by size
}

func (s *supply) maker() *maker { return &maker{supply: s, work: map[int][]*experiments.Sample{}} }

// attempts is the number of groups that are tried.
const attempts = 16

// make writes the group of an index. Noise or a wrong probe hide many objects, and a network that is judged by them
// learns to change nothing. So a group is accepted with the probability determined^clarity, of the mean of its
// patterns.
func (m *maker) make(index uint64, n int, into []*sample) {
	defer balance(into)
	rng := stream.New(m.seed, "trainer/samples", int(index))
	if m.solvedGroup(rng, n, into) {
		return
	}
	work := m.work[n]
	if work == nil {
		for range into {
			work = append(work, &experiments.Sample{})
		}
		m.work[n] = work
	}
	for attempt := range uint64(attempts) {
		m.generator.Fill(attempts*index+attempt, n, work)
		determined := 0.0
		for i, s := range into {
			s.take(work[i])
			determined += s.determined() / float64(len(into))
		}
		if rng.Float64() < math.Pow(determined, m.clarity) {
			return
		}
	}
}

// lots makes the samples of the steps from first on, while steps run, until stop is called. Take the lots from the
// channel in order, and give each back by free.
type lots struct {
	supply  *supply
	ordered []chan *lot // of each goroutine, which makes every len(ordered)-th step
	free    chan *lot
	next    int
	stopped chan struct{}
	makers  sync.WaitGroup
}

// lotsAhead is the number of steps whose samples each goroutine makes before they are needed.
const lotsAhead = 2

// start makes lots with the given number of goroutines.
func (s *supply) start(first, workers int) *lots {
	l := &lots{supply: s, next: 0, stopped: make(chan struct{}), free: make(chan *lot, (lotsAhead+2)*workers)}
	for worker := range workers {
		out := make(chan *lot, lotsAhead)
		l.ordered = append(l.ordered, out)
		l.makers.Go(func() {
			m := s.maker()
			for step := first + worker; ; step += workers {
				select {
				case out <- m.part(step, 0, l.spare(s.size(step))):
				case <-l.stopped:
					return
				}
			}
		})
	}
	return l
}

// spare is a lot to write on: a used one of the size, or a new one.
func (l *lots) spare(n int) *lot {
	select {
	case used := <-l.free:
		if used.n == n {
			return used
		}
	default:
	}
	return newLot(n, l.supply.batch)
}

// newLot has room for so many samples.
func newLot(n, count int) *lot {
	l := &lot{n: n}
	for range count {
		l.samples = append(l.samples, newSample(n))
	}
	return l
}

// part makes samples of a step, beginning with the first-th, where a group begins.
func (m *maker) part(step, first int, into *lot) *lot {
	index := (uint64(step)*uint64(m.batch) + uint64(first)) / uint64(m.group)
	for group := range slices.Chunk(into.samples, m.group) {
		m.make(index, into.n, group)
		index++
	}
	return into
}

// take returns the lot of the next step.
func (l *lots) take() *lot {
	l.next++
	return <-l.ordered[(l.next-1)%len(l.ordered)]
}

// giveBack lets a lot be used again.
func (l *lots) giveBack(used *lot) {
	select {
	case l.free <- used:
	default:
	}
}

// stop ends the making.
func (l *lots) stop() {
	close(l.stopped)
	l.makers.Wait()
}
