package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// gcPercent is how far the heap may grow beyond the memory in use. The commands make little garbage and hold a few
// large arrays. Go's usual 100 would leave room for a copy of each.
const gcPercent = 10

// leastGarbage is the garbage in bytes that may always wait for collection.
const leastGarbage = 8 << 20

// limitGarbage lets garbage grow to gcPercent of the memory in use, or to leastGarbage if that is more. With gcPercent
// alone, a command with a few MB would spend a tenth of its time on collections.
func limitGarbage() {
	debug.SetGCPercent(garbagePercent(liveHeap()))
	runtime.SetFinalizer(new(collection), func(*collection) { limitGarbage() }) // after the next collection
}

// garbagePercent is the percentage for so many bytes in use.
func garbagePercent(live uint64) int {
	return max(gcPercent, int(100*leastGarbage/max(smallHeap, live)))
}

// smallHeap is the memory in use, in bytes, of which Go takes the percentage if less is in use.
const smallHeap = 4 << 20

// collection is garbage at once. It is no tiny object, which would be collected together with others.
type collection struct{ _ [64]byte }

// liveHeap is the memory that the last collection kept, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
