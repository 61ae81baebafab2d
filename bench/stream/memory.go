package main

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"strconv"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
	"ptyx/internal/service/watch"
)

// remembered is how much memory a long scan takes. The sender is part of the process; it holds the scan's patterns
// only.
type remembered struct {
	Pixels   int       `json:"pixels"`
	Frames   int       `json:"frames"`
	Rate     float64   `json:"frames_per_s"`
	Resident []float64 `json:"resident_mb"`     // after each tenth of the frames
	Each     float64   `json:"bytes_per_frame"` // of the heap, from the first fifth to the end
}

// remember sends many frames past a network that takes no time, and records the memory.
func (s settings) remember(model, scan string) (m remembered, err error) {
	b, err := newBench(model, scan, s.long, smallSide, s.every)
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(b.dir)
	m = remembered{Pixels: b.contract.N, Frames: s.long}
	counter := &counting{Blank: predict.Blank{N: b.contract.N}, each: s.long / 10}
	b.options.Workers = 1 // counting is used by one
	run, err := b.run(s.long, 0, watch.Wait, counter)
	if err != nil {
		return m, err
	}
	m.Rate, m.Resident = math.Round(run.rate()), counter.resident
	if last := len(counter.heap) - 1; last > 1 {
		m.Each = math.Round((counter.heap[last] - counter.heap[1]) / float64((last-1)*counter.each))
	}
	return m, nil
}

// counting is an empty network that looks at the memory from time to time.
type counting struct {
	predict.Blank
	each           int // frames between two looks
	seen           int
	resident, heap []float64 // MB, bytes
}

// Prepare returns a batch that counts its frames.
func (c *counting) Prepare(b int) (predict.Batch, error) {
	batch, err := c.Blank.Prepare(b)
	return countingBatch{batch, c, b}, err
}

type countingBatch struct {
	predict.Batch
	counter *counting
	size    int
}

func (b countingBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	c := b.counter
	before := c.seen / c.each
	if c.seen += b.size; c.seen/c.each > before {
		c.look()
	}
	return b.Batch.Run()
}

// look records the memory.
func (c *counting) look() {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	c.heap = append(c.heap, float64(stats.HeapAlloc))
	c.resident = append(c.resident, math.Round(resident()/1e6))
}

// resident is the resident memory of this process in bytes, 0 where /proc does not tell.
func resident() float64 {
	content, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(content)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return float64(pages * os.Getpagesize())
}
