package main

import (
	"fmt"
	"strings"

	"ptyx/bench/docs"
)

const command = "make bench-stream"

// insertSpeed writes the tables of rates and latencies.
func insertSpeed(path string, all []figures) error {
	var b strings.Builder
	b.WriteString("| pixels | frames/s, none lost | with `--refine` | for the times: frames/s " +
		"| last byte to page, p50 and p99 | last byte to files, p50 and p99 |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %d | %.0f | %.0f | %.0f | %.0f and %.0f ms | %.1f and %.1f s |\n", f.Pixels, f.Rate,
			f.Refined, f.Load*f.Rate, 1000*f.Page.P50, 1000*f.Page.P99, f.File.P50, f.File.P99)
	}
	b.WriteString("\nA sender twice as fast:\n\n" +
		"| pixels | `--when-behind` | sent/s | frames in the object | missing | dropped | complete after the last |\n" +
		"| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, f := range all {
		for _, o := range f.Behind {
			fmt.Fprintf(&b, "| %d | %s | %.0f | %d of %d | %d | %d | %.1f s |\n", f.Pixels, o.Policy, o.Sent,
				o.Computed, f.Frames, o.Missing, o.Dropped, o.Behind)
		}
	}
	b.WriteString("\nA `ptyx watch` that is killed (SIGKILL) in the middle of a series, and started again with " +
		"`--series current`:\n\n| pixels | frames in the object | missing | ended | exit status | object |\n" +
		"| --- | --- | --- | --- | --- | --- |\n")
	for _, f := range all {
		object := "another one than that of `ptyx infer`"
		if f.Killed.Same {
			object = "that of `ptyx infer` of these frames"
		}
		fmt.Fprintf(&b, "| %d | %d of %d | %d | %s | %d | %s |\n", f.Pixels, f.Killed.Frames, f.Killed.Sent,
			f.Killed.Missing, f.Killed.Ended, f.Killed.Status, object)
	}
	return docs.Insert(path, command, "speed", b.String())
}

// insertMemory writes the table of the memory.
func insertMemory(path string, m remembered) error {
	var b strings.Builder
	fmt.Fprintf(&b, "| frames of %d pixels | resident memory |\n| --- | --- |\n", m.Pixels)
	for i, megabytes := range m.Resident {
		fmt.Fprintf(&b, "| %d | %.0f MB |\n", (i+1)*m.Frames/10, megabytes)
	}
	fmt.Fprintf(&b, "\nThe heap grows by %.0f bytes a frame.\n", m.Each)
	return docs.Insert(path, command, "memory", b.String())
}
