// Command stream measures ptyx watch on the stream of a detector, for make bench-stream. For each pair of a model and a
// scan it sends the frames of the scan again and again, and prints a line of JSON:
//
//	stream -frames 2000 run/model.onnx scan.npz [run-128/model.onnx scan-128.npz]
//	stream -refine 40 -rate 100 run/model.onnx scan.npz [none scan.npz]
//
// With -refine, it sends the frames of the scan once, at -rate, and prints how the object during the scan correlates
// with the last one, and with that of ptyx solve. The model none stands for ptyx watch
// --refine-only; it and general take the probe of the scan.
//
// Otherwise it measures how many frames per second are computed if the sender waits, by the network alone and beside a
// solver. It also kills a ptyx watch in the middle of a series, starts it again, and checks its object. At -load times
// the rate of the network alone, it measures the times from a frame's last byte to its pixels in the page's stream, and
// to a file with it. It counts what happens to the frames of a sender twice as fast, with both policies. With -long it
// sends so many frames past an empty network, and records the memory. With -page it writes the figures into a page of
// the documentation.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

func main() {
	var s settings
	flag.IntVar(&s.frames, "frames", 2000, "frames of a run; 0: only the memory is measured")
	flag.Float64Var(&s.load, "load", 0.25, "rate of the run that measures latency, as a share of the sustained one")
	flag.DurationVar(&s.every, "every", 5*time.Second, "least time between two writings of the object")
	flag.IntVar(&s.long, "long", 0, "frames of the run that records the memory; 0: none is made")
	flag.IntVar(&s.refine, "refine", 0, "passes of ptyx watch --refine; 0: measure speed")
	flag.Float64Var(&s.rate, "rate", 100, "frames per second with -refine")
	flag.StringVar(&s.page, "page", "", "page of the documentation for the tables; empty: none")
	flag.StringVar(&s.program, "ptyx", "bin/ptyx", "program that is killed and started again")
	flag.Parse()
	if flag.NArg() < 2 || flag.NArg()%2 != 0 {
		fmt.Fprintln(os.Stderr, "stream: pairs of a model and a scan are expected")
		os.Exit(1)
	}
	if err := s.measure(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "stream:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	frames  int
	load    float64
	every   time.Duration
	long    int
	refine  int
	rate    float64
	page    string
	program string
}

// figures are what is measured for one model.
type figures struct {
	Pixels  int       `json:"pixels"` // side of a pattern
	Frames  int       `json:"frames"`
	Rate    float64   `json:"frames_per_s"`
	Refined float64   `json:"refined_frames_per_s"` // with the solver beside the network
	Load    float64   `json:"load"`
	Page    quantiles `json:"page_latency_s"`
	File    quantiles `json:"file_latency_s"`
	Behind  []behind  `json:"twice_as_fast"`
	Missing int       `json:"missing"`
	Killed  killed    `json:"killed"`
}

// quantiles are those of a latency, in seconds.
type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func quantilesOf(latencies []time.Duration) (q quantiles) {
	if len(latencies) == 0 {
		return q
	}
	slices.Sort(latencies)
	at := func(share float64) float64 { return latencies[int(share*float64(len(latencies)-1))].Seconds() }
	return quantiles{at(0.5), at(0.99)}
}

// behind is what happened to frames that were sent at twice the rate that can be computed.
type behind struct {
	Policy   string  `json:"when_behind"`
	Sent     float64 `json:"sent_per_s"` // as far as the receiver let it
	Computed int     `json:"computed"`
	Missing  int     `json:"missing"`
	Dropped  int     `json:"dropped"`
	Behind   float64 `json:"complete_after_s"` // after the last frame
}

// measure measures each pair of a model and a scan.
func (s settings) measure(pairs []string) error {
	if s.refine > 0 {
		for pair := range slices.Chunk(pairs, 2) {
			if err := measurePictures(pair[0], pair[1], s.refine, s.rate); err != nil {
				return err
			}
		}
		return nil
	}
	var all []figures
	for pair := range slices.Chunk(pairs, 2) {
		if s.frames == 0 {
			break
		}
		m, err := s.measureOne(pair[0], pair[1])
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(m); err != nil {
			return err
		}
		all = append(all, m)
	}
	if s.page != "" && len(all) > 0 {
		if err := insertSpeed(s.page, all); err != nil {
			return err
		}
	}
	if s.long == 0 {
		return nil
	}
	m, err := s.remember(pairs[0], pairs[1])
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(m); err != nil || s.page == "" {
		return err
	}
	return insertMemory(s.page, m)
}
