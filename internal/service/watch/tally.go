package watch

// Tally counts frames, each by its id, and files.
type Tally struct {
	Frames      int // in the object
	Missing     int // of ids up to the largest that was seen, or of Options.Frames
	Waiting     int // that have come, and their position has not
	Repeated    int // that came again, the same
	Conflicting int // that came again, and differ: the first stays
	Late        int // that came in a later file than some larger id
	Refused     int // that no object can be made of
	Broken      int // files that were given up
}

// tally is the count so far.
func (w *Watcher) tally() Tally {
	t := w.counts
	t.Frames, t.Waiting, t.Refused, t.Conflicting = len(w.object.frames), len(w.waiting), len(w.object.refused), len(w.object.differ)
	expected := int(w.object.largest) + 1
	if w.o.Frames > 0 {
		expected = w.o.Frames
	}
	t.Missing = max(0, expected-t.Frames-t.Waiting)
	for _, f := range w.files.known {
		if f.broken {
			t.Broken++
		}
	}
	return t
}

// attributes are the counts for a log line.
func (t Tally) attributes() []any {
	return []any{"frames", t.Frames, "missing", t.Missing, "waiting", t.Waiting, "repeated", t.Repeated, "conflicting", t.Conflicting, "late", t.Late, "refused", t.Refused, "broken_files", t.Broken}
}
