package workflow

import (
	"fmt"

	"ptyx/internal/recon/predict"
	"ptyx/internal/service/watch"
)

// Watched describes a scan that was watched to its end.
type Watched struct {
	OutputDir   string    `json:"output_dir"`
	Ended       watch.End `json:"ended"`
	Device      string    `json:"device"`
	Fallback    string    `json:"device_fallback"` // why the CPU computed although auto found CUDA; empty: it did not
	Object      [2]int    `json:"object"`          // height and width; 0 if no frame arrived
	Frames      int       `json:"frames"`
	Missing     int       `json:"missing"`
	Waiting     int       `json:"waiting"`
	Repeated    int       `json:"repeated"`
	Conflicting int       `json:"conflicting"`
	Late        int       `json:"late"`
	Refused     int       `json:"refused"`
	BrokenFiles int       `json:"broken_files"`
	Kept        int       `json:"kept"`
	Dropped     int       `json:"dropped"`
	OtherSeries int       `json:"other_series"`
	Damaged     int       `json:"damaged"`
	Unrefined   int       `json:"unrefined"` // frames that the solver did not get; then it made no last passes
	Solver      *Solution `json:"solver"`    // null: a network alone, or no last passes
}

func (w Watched) String() string {
	size := fmt.Sprintf("object %d x %d", w.Object[0], w.Object[1])
	text := fmt.Sprintf("%s: %d frames on %s, %s", w.OutputDir, w.Frames, w.Device, size)
	if w.Frames == 0 {
		text = "no object, because no frame was computed"
	}
	for _, c := range []struct {
		count int
		what  string
	}{
		{w.Missing, "missing"}, {w.Waiting, "without a position"}, {w.Repeated, "repeated"},
		{w.Conflicting, "conflicting"}, {w.Late, "late"}, {w.Refused, "refused"}, {w.BrokenFiles, "broken files"},
		{w.Kept, "not computed"}, {w.Dropped, "dropped"}, {w.OtherSeries, "messages of other series"},
		{w.Damaged, "damaged messages"},
	} {
		if c.count > 0 {
			text += fmt.Sprintf(", %d %s", c.count, c.what)
		}
	}
	if s := w.Solver; s != nil {
		text += fmt.Sprintf(", %d passes of %s, residual %.5f", s.Passes, s.Method, s.Residual)
	}
	if w.Unrefined > 0 {
		text += fmt.Sprintf(", %d not refined and no last passes: raise --keep-gb, or use ptyx refine", w.Unrefined)
	}
	return fmt.Sprintf("%s (%s)", text, w.Ended)
}

// watched describes the end of a watch.
func (o WatchOptions) watched(out *watch.Outcome, p predict.Predictor) *Watched {
	w := &Watched{
		OutputDir: o.OutputDir, Ended: out.Ended, Device: p.Provider(), Fallback: p.Fallback(),
		Frames: out.Frames, Missing: out.Missing, Waiting: out.Waiting, Repeated: out.Repeated,
		Conflicting: out.Conflicting, Late: out.Late, Refused: out.Refused, BrokenFiles: out.Broken,
		Kept: out.Kept, Dropped: out.Dropped, OtherSeries: out.OtherSeries, Damaged: out.Damaged,
		Unrefined: out.Unrefined,
	}
	if out.Result != nil {
		w.Object = [2]int(out.Result.Object.Shape)
	}
	return w
}
