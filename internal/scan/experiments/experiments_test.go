package experiments_test

import (
	"slices"
	"sync"
	"testing"

	"ptyx/internal/scan/experiments"
)

// samples are those of a group of so many.
func samples(count int) []*experiments.Sample {
	group := make([]*experiments.Sample, count)
	for i := range group {
		group[i] = &experiments.Sample{}
	}
	return group
}

// fill makes a group in fresh arrays.
func fill(g *experiments.Generator, index uint64, n int) []*experiments.Sample {
	group := samples(3)
	g.Fill(index, n, group)
	return group
}

func same(a, b []*experiments.Sample) bool { return slices.EqualFunc(a, b, sameSample) }

func sameSample(a, b *experiments.Sample) bool {
	return a.N == b.N && a.Row == b.Row && a.Col == b.Col &&
		slices.Equal(a.Amplitude, b.Amplitude) && slices.Equal(a.Probe, b.Probe) &&
		slices.Equal(a.Object, b.Object) && slices.Equal(a.Light, b.Light) && a.ObjectKind == b.ObjectKind &&
		a.ProbeKind == b.ProbeKind && a.Photons == b.Photons && a.Width == b.Width
}

// TestSamplesDependOnSeedAndIndexAlone fills in another order, into used arrays of another size, from goroutines that
// share the generator.
func TestSamplesDependOnSeedAndIndexAlone(t *testing.T) {
	t.Parallel()
	const count = 24
	g := experiments.New(7, experiments.All())
	want := make([][]*experiments.Sample, count)
	for i := range want {
		want[i] = fill(g, uint64(i), 64)
	}
	other := experiments.New(7, experiments.All())
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			s := samples(3)
			other.Fill(999, 96, s)
			for i := count - 1 - worker; i >= 0; i -= 4 {
				other.Fill(uint64(i), 64, s)
				if !same(s, want[i]) {
					t.Errorf("group %d differs when it is made again", i)
				}
			}
		})
	}
	wait.Wait()
	for i := range want {
		otherSeed := fill(experiments.New(8, experiments.All()), uint64(i), 64)
		if same(want[i], want[(i+1)%count]) || same(want[i], otherSeed) {
			t.Errorf("group %d is that of another index or seed", i)
		}
	}
}

func BenchmarkFill64(b *testing.B) {
	g := experiments.New(7, experiments.All())
	group := samples(6)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		g.Fill(uint64(i), 64, group)
	}
}
