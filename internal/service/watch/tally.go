package watch

import (
	"strconv"

	"ptyx/internal/service/viewer"
)

// Tally counts frames, each id once, and files.
type Tally struct {
	Frames      int // in the object
	Missing     int // ids up to Options.Frames, or up to the largest one seen, that did not come
	Waiting     int // without a position yet
	Repeated    int // came again unchanged
	Conflicting int // came again with other values; the first ones are used
	Late        int // came in a later file than a larger id
	Refused     int // cannot be used
	Broken      int // files that are given up

	// Of a detector's stream:
	Kept        int // wait for the network
	Dropped     int // could not be kept while they waited for their position
	OtherSeries int // messages of other series
	Damaged     int // messages that cannot be used
}

// tally returns the counts so far.
func (w *Watcher) tally() Tally {
	t, o := w.counts, w.object
	t.Frames, t.Waiting, t.Refused, t.Conflicting = len(o.placed), len(w.waiting), len(o.refused), len(o.differ)
	expected := int(o.largest) + 1
	if w.o.Frames > 0 {
		expected = w.o.Frames
	}
	if w.stream != nil {
		expected = w.stream.count(&t, expected)
	}
	t.Missing = max(0, expected-t.Frames-t.Waiting-t.Kept)
	for _, f := range w.files.known {
		if f.broken {
			t.Broken++
		}
	}
	return t
}

// attributes returns the counts for a log line: the frames, and what is not 0.
func (t Tally) attributes() []any {
	out := []any{"frames", t.Frames}
	for _, c := range []struct {
		name  string
		count int
	}{
		{"missing", t.Missing}, {"waiting", t.Waiting}, {"repeated", t.Repeated}, {"conflicting", t.Conflicting},
		{"late", t.Late}, {"refused", t.Refused}, {"broken_files", t.Broken}, {"kept", t.Kept},
		{"dropped", t.Dropped}, {"other_series", t.OtherSeries}, {"damaged", t.Damaged},
	} {
		if c.count > 0 {
			out = append(out, c.name, c.count)
		}
	}
	return out
}

// facts are the counts that a page shows besides the rates: those that are not 0.
func (t Tally) facts() (facts []viewer.Fact) {
	for _, c := range []struct {
		name  string
		count int
	}{
		{"without a position", t.Waiting}, {"repeated", t.Repeated},
		{"conflicting", t.Conflicting}, {"late", t.Late}, {"refused", t.Refused}, {"broken files", t.Broken},
		{"dropped", t.Dropped}, {"other series", t.OtherSeries}, {"damaged", t.Damaged},
	} {
		if c.count > 0 {
			facts = append(facts, viewer.Fact{Name: c.name, Value: strconv.Itoa(c.count)})
		}
	}
	return facts
}
