package watch

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/format/npz"
)

// growth is a run over one file, which takes the members of each step in turn.
func growth(t *testing.T, name string, inPlace bool, steps ...[]npz.Member) *run {
	t.Helper()
	r := watching(t)
	r.o.Path, r.o.Single = filepath.Join(r.o.Path, name), true
	for _, m := range steps {
		whole := filepath.Join(t.TempDir(), name)
		write(t, whole, m)
		data, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		r.step(func() {
			path := r.o.Path
			if !inPlace {
				path += ".new"
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if !inPlace {
				if err := os.Rename(path, r.o.Path); err != nil {
					t.Fatal(err)
				}
			}
		})
		r.step(func() {})
		r.step(func() {})
	}
	return r
}

// upTo are the frames 0 to count - 1.
func upTo(count int) []int {
	ids := make([]int, count)
	for i := range ids {
		ids[i] = i
	}
	return ids
}

// TestGrowingFile: a file is followed from before it exists, written on or replaced, with ids or numbered by its rows.
func TestGrowingFile(t *testing.T) {
	d := scanData(9)
	want := inferred(t, d, 9)
	for _, name := range []string{"s.npz", "s.h5"} {
		for _, inPlace := range []bool{false, true} {
			for _, withIDs := range []bool{false, true} {
				r := growth(t, name, inPlace, members(d, upTo(2), withIDs), members(d, upTo(6), withIDs),
					members(d, upTo(9), withIDs))
				r.end(context.Background(), Idle, Tally{Frames: 9}, want)
				if len(r.saved) < 3 {
					t.Errorf("%s: %d savings", name, len(r.saved))
				}
				if strings.Contains(r.log.String(), "WARN") {
					t.Errorf("%s: complains:\n%s", name, r.log.String())
				}
			}
		}
	}
	shuffled := []int{5, 2, 8, 0, 7, 1, 3, 6, 4}
	r := growth(t, "s.h5", true, members(d, shuffled[:4], true), members(d, shuffled, true))
	r.end(context.Background(), Idle, Tally{Frames: 9, Late: 5}, want) // 8 is there before
}

// TestUnequalArrays: the arrays of a growing file may differ in length: the shortest counts.
func TestUnequalArrays(t *testing.T) {
	d := scanData(6)
	short := func(key string, count int) []npz.Member {
		m := members(d, upTo(6), true)
		for i := range m {
			switch v := m[i].Value.(type) {
			case []float64:
				if m[i].Key == key {
					m[i].Value = v[:count]
				}
			case []int64:
				if m[i].Key == key {
					m[i].Value = v[:count]
				}
			}
		}
		if key == "xcoords" { // they are as long as each other
			for i := range m {
				if v, ok := m[i].Value.([]float64); ok && m[i].Key == "ycoords" {
					m[i].Value = v[:count]
				}
			}
		}
		return m
	}
	for _, key := range []string{"xcoords", "ids"} {
		for _, name := range []string{"s.npz", "s.h5"} {
			growth(t, name, true, short(key, 3)).end(context.Background(), Idle, Tally{Frames: 3}, inferred(t, d, 3))
			growth(t, name, true, short(key, 3), short(key, 6)).end(context.Background(), Idle, Tally{Frames: 6},
				inferred(t, d, 6))
		}
	}
}

// TestUnwrittenRows: dark rows of HDF5 are used when rows with light follow.
func TestUnwrittenRows(t *testing.T) {
	d := scanData(7)
	dark := scanData(7)
	clear(dark.Patterns.Data[2*image : 3*image])
	after := scanData(7)
	clear(after.Patterns.Data[2*image : 3*image])
	clear(dark.Patterns.Data[4*image:])
	clear(after.Patterns.Data[6*image:])
	growth(t, "s.h5", true, members(dark, upTo(7), true), members(after, upTo(7), true)).
		end(context.Background(), Idle, Tally{Frames: 6}, inferred(t, after, 6))
	copy(d.Patterns.Data[2*image:3*image], dark.Patterns.Data[2*image:3*image])
	growth(t, "s.h5", true, members(dark, upTo(7), true), members(d, upTo(7), true)).
		end(context.Background(), Idle, Tally{Frames: 7}, inferred(t, d, 7))
}

// TestLightBehindManyDarkRows: rows with light are found behind any number of dark ones, at whichever look, and when
// the watch is interrupted. The dark rows between count as frames.
func TestLightBehindManyDarkRows(t *testing.T) {
	const count = 1200 // more than firstWindow
	d := scanData(count)
	clear(d.Patterns.Data[2*image : (count-2)*image])
	want := inferred(t, d, count)
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	for ended, ctx := range map[End]context.Context{Idle: context.Background(), Interrupted: interrupted} {
		r := watching(t)
		r.o.Path, r.o.Single, r.o.BatchSize = r.path("s.h5"), true, 64
		r.o.Idle = time.Second // fewer looks than the search takes
		r.o.Grace = time.Minute
		write(t, r.o.Path, members(d, upTo(count), true))
		r.end(ctx, ended, Tally{Frames: count}, want)
	}
}

// TestFaultsInAGrowingFile: a frame with NaN is skipped, and a truncated file is waited for.
func TestFaultsInAGrowingFile(t *testing.T) {
	d := scanData(5)
	bad := scanData(5)
	bad.Patterns.Data[4*image+9] = float32(math.NaN())
	for _, name := range []string{"s.npz", "s.h5"} {
		r := growth(t, name, false, members(d, upTo(2), true), members(bad, []int{0, 1, 4, 2, 3}, true))
		r.end(context.Background(), Idle, Tally{Frames: 4, Missing: 1, Refused: 1}, inferred(t, d, 4))
		if said := r.log.String(); strings.Count(said, "WARN") != 1 || !strings.Contains(said, "NaN in frame 2") {
			t.Errorf("%s: %s", name, said)
		}
		r = growth(t, name, false, members(d, upTo(2), true), members(d, upTo(5), true))
		r.o.Idle = 20 * time.Second
		grow := r.clock.steps
		r.clock.steps = slices.Concat(grow[:3], []func(){func() {
			if err := os.Remove(r.o.Path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(r.o.Path, []byte("\x89HDF\r\n\x1a\n, and no more"), 0o644); err != nil {
				t.Fatal(err)
			}
		}}, slices.Repeat([]func(){func() {}}, 9), grow[3:])
		r.end(context.Background(), Idle, Tally{Frames: 5}, inferred(t, d, 5))
		if strings.Count(r.log.String(), "a file is skipped") != 1 {
			t.Errorf("%s: %s", name, r.log.String())
		}
	}
}
