package solve

// A step of least squares is right for the patterns of its batch, noise included, and too long for the others. The next
// batch tells: its patterns are new to the step before, so their gradient along that step's direction is 0 where the
// step was right, negative where it was too long. While an object that came from elsewhere is first refined, the steps
// take the share that the patterns ask for. Otherwise the first pass adds noise to a good object.
//
// An object that starts empty takes complete steps, and so do later passes. There the share would also shorten steps
// that are right in the long run. docs/dev/decisions.md has the measurements.
const (
	sharedPasses = 3   // passes in which the share counts
	shareRate    = 0.5 // of the difference between the share and what the last batch asked for
	mostShare    = 2
	leastShare   = 0.5 // below which the batches are made larger
)

// shares is the part of the steps of a pass that other patterns confirm.
type shares struct {
	share   float64 // of the usual steps
	descent float64 // sum of direction times gradient of the last batch, (1)
}

func (m *lsqml) takesShares(pass int) bool {
	return m.hasObject && pass <= sharedPasses && !m.fixedNumber && m.memory.batches > 1 && m.movesObject(pass)
}

// judge compares the gradient of a new batch with the direction of the batch before.
func (s *shares) judge(direction, gradient *plane) {
	if s.descent > 0 {
		asked := s.share + product(direction, gradient)/s.descent
		s.share += shareRate * (min(max(asked, 0), mostShare) - s.share)
	}
}

// product is the sum of Re conj(a) b.
func product(a, b *plane) (sum float64) {
	for i, re := range a.re {
		sum += float64(re*b.re[i] + a.im[i]*b.im[i])
	}
	return sum
}
