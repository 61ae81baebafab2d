package scanstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/testutil"
)

const side = 2

// some are frames of patterns of n pixels, with numbers of every size.
func some(rng *rand.Rand, count, n int) Frames {
	var f Frames
	for range count {
		f.IDs = append(f.IDs, rng.Int64N(1<<53))
		f.X, f.Y = append(f.X, rng.NormFloat64()*1e5), append(f.Y, rng.NormFloat64()*1e-5)
	}
	for range count * n * n {
		f.Patterns = append(f.Patterns, rng.Float32()*float32(rng.Int64N(1<<40)))
	}
	return f
}

// joined are frames of several posts.
func joined(all ...Frames) (out Frames) {
	for _, f := range all {
		out.IDs, out.X, out.Y = append(out.IDs, f.IDs...), append(out.X, f.X...), append(out.Y, f.Y...)
		out.Patterns = append(out.Patterns, f.Patterns...)
	}
	return out
}

func id(digit string) string { return strings.Repeat(digit, 32) }

func opened(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open("--store", dir)
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fine() error { return nil }

// kept are the frames of a scan as a new server finds them.
func kept(t testing.TB, s *Store, id string) (f Frames, mended string) {
	t.Helper()
	scans, faults, err := s.Scans()
	must(t, err)
	i := slices.IndexFunc(scans, func(a *Scan) bool { return a.ID == id })
	if i < 0 || len(faults) > 0 {
		t.Fatalf("%d scans, faults %v", len(scans), faults)
	}
	mended, err = scans[i].Replay(func(more Frames) error {
		if len(more.IDs) > recordFrames(scans[i].Head().N) {
			t.Errorf("%d frames at once", len(more.IDs))
		}
		f = joined(f, more)
		return nil
	})
	must(t, err)
	must(t, scans[i].Close())
	return f, mended
}

// TestReplay: frames of any number come back in the order in which they were stored.
func TestReplay(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.Close()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(20)
		name := fmt.Sprintf("%032x", seed)
		a, err := s.Create(name, Head{Number: int(seed), N: n})
		must(t, err)
		var want Frames
		for range rng.IntN(6) {
			f := some(rng, 1+rng.IntN(9), n)
			must(t, a.Append(f, fine))
			want = joined(want, f)
		}
		must(t, a.Close())
		if got, mended := kept(t, s, name); !reflect.DeepEqual(got, want) || mended != "" {
			t.Errorf("seed %d: %d frames instead of %d, or others; %q", seed, len(got.IDs), len(want.IDs), mended)
		}
	}
}

// TestManyFramesAtOnce: frames that do not fit into one record are stored.
func TestManyFramesAtOnce(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.Close()
	const n = 512 // 4 frames of a megabyte
	a, err := s.Create(id("a"), Head{N: n})
	must(t, err)
	want := some(rand.New(rand.NewPCG(1, 1)), 8, n)
	must(t, a.Append(want, fine))
	must(t, a.Close())
	if got, mended := kept(t, s, id("a")); !reflect.DeepEqual(got, want) || mended != "" || recordFrames(n) >= 8 {
		t.Errorf("%d frames, %q", len(got.IDs), mended)
	}
}

// journalOf is a scan with three records, and its journal with the places where they end.
func journalOf(t testing.TB, s *Store) (path string, data []byte, ends []int, records []Frames) {
	t.Helper()
	a, err := s.Create(id("a"), Head{N: side})
	must(t, err)
	rng := rand.New(rand.NewPCG(3, 3))
	path = filepath.Join(s.dir, id("a"), journalFile)
	ends = []int{0}
	for _, count := range []int{2, 1, 3} {
		f := some(rng, count, side)
		must(t, a.Append(f, fine))
		records, ends = append(records, f), append(ends, int(a.end))
	}
	must(t, a.Close())
	data, err = os.ReadFile(path)
	must(t, err)
	if len(data) != ends[3] {
		t.Fatalf("%d bytes, want %d", len(data), ends[3])
	}
	return path, data, ends, records
}

// TestTruncatedJournal: a journal truncated anywhere gives the frames of its complete records, and accepts more.
func TestTruncatedJournal(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.Close()
	path, data, ends, records := journalOf(t, s)
	for length := range data {
		must(t, os.WriteFile(path, data[:length], fileMode))
		whole := 0
		for ends[whole+1] <= length {
			whole++
		}
		got, mended := kept(t, s, id("a"))
		if !reflect.DeepEqual(got, joined(records[:whole]...)) || (mended == "") != (length == ends[whole]) {
			t.Fatalf("%d bytes: %d frames, %q", length, len(got.IDs), mended)
		}
		if rest, err := os.ReadFile(path); err != nil || len(rest) != ends[whole] {
			t.Fatalf("%d bytes: %d are left, %v", length, len(rest), err)
		}
	}
	if aside, _ := filepath.Glob(filepath.Join(s.dir, id("a"), "frames.damaged*")); len(aside) > 0 {
		t.Errorf("put aside: %v", aside)
	}
}

// TestBitFlips: if a bit changes, the frames before it come back, none after it, and the rest of the journal is put
// aside.
func TestBitFlips(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.Close()
	path, data, ends, records := journalOf(t, s)
	for i := range data {
		spoilt := slices.Clone(data)
		spoilt[i] ^= 1 << (i % 8)
		must(t, os.WriteFile(path, spoilt, fileMode))
		whole := 0
		for ends[whole+1] <= i {
			whole++
		}
		got, mended := kept(t, s, id("a"))
		if !reflect.DeepEqual(got, joined(records[:whole]...)) ||
			!strings.Contains(mended, fmt.Sprintf("damaged at byte %d ", ends[whole])) {
			t.Fatalf("byte %d: %d frames, %q", i, len(got.IDs), mended)
		}
		aside, err := filepath.Glob(filepath.Join(s.dir, id("a"), "frames.damaged-*"))
		if err != nil || len(aside) != 1 || !strings.Contains(mended, filepath.Base(aside[0])) {
			t.Fatalf("byte %d: put aside %v, %v, %q", i, aside, err, mended)
		}
		rest, err := os.ReadFile(aside[0])
		left, err2 := os.ReadFile(path)
		if err != nil || err2 != nil || !bytes.Equal(append(left, rest...), spoilt) {
			t.Fatalf("byte %d: %d bytes are kept and %d put aside, of %d", i, len(left), len(rest), len(spoilt))
		}
		must(t, os.Remove(aside[0]))
	}
}

// TestFailingCallbacks: frames whose callback fails are removed. A reader's error leaves the journal as it is.
func TestFailingCallbacks(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.Close()
	a, err := s.Create(id("a"), Head{N: side})
	must(t, err)
	rng := rand.New(rand.NewPCG(5, 5))
	first, last := some(rng, 2, side), some(rng, 1, side)
	must(t, a.Append(first, fine))
	refusal := errors.New("no place")
	if err := a.Append(some(rng, 5, side), func() error { return refusal }); !errors.Is(err, refusal) {
		t.Error(err)
	}
	must(t, a.Append(last, fine))
	must(t, a.Close())
	if err := a.Append(last, fine); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	scans, _, err := s.Scans()
	must(t, err)
	if _, err := scans[0].Replay(func(Frames) error { return refusal }); !errors.Is(err, refusal) {
		t.Error(err)
	}
	must(t, scans[0].Close())
	if got, mended := kept(t, s, id("a")); !reflect.DeepEqual(got, joined(first, last)) || mended != "" {
		t.Errorf("%d frames, %q", len(got.IDs), mended)
	}
}

// TestFullDisk: the system limits the size of files. Frames that do not fit leave nothing, and later ones are stored.
func TestFullDisk(t *testing.T) { testutil.InChild(t, func() { aFullDisk(t) }) }

func aFullDisk(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.Close()
	a, err := s.Create(id("a"), Head{N: side})
	must(t, err)
	rng := rand.New(rand.NewPCG(6, 6))
	first, second := some(rng, 2, side), some(rng, 30, side)
	must(t, a.Append(first, fine))
	full(t, 1000, func() {
		for range 2 {
			var disk *DiskError
			add := func() error { t.Error("frames that are not stored were added"); return nil }
			if err := a.Append(second, add); !errors.As(err, &disk) || disk.Error() != "file too large" {
				t.Errorf("frames: %v", err)
			}
		}
		if _, err := s.Create(id("b"), Head{N: side,
			Options: json.RawMessage(`"` + strings.Repeat("x", 2000) + `"`)}); err == nil {
			t.Error("a scan was made without room")
		}
	})
	if info, err := os.Stat(filepath.Join(s.dir, id("a"), journalFile)); err != nil || info.Size() != a.end {
		t.Errorf("something is left behind the last record: %v, %v", info, err)
	}
	must(t, a.Append(second, fine))
	must(t, a.Close())
	if got, mended := kept(t, s, id("a")); !reflect.DeepEqual(got, joined(first, second)) || mended != "" {
		t.Errorf("%d frames, %q", len(got.IDs), mended)
	}
	if names := entries(t, s.dir); !slices.Equal(names, []string{id("a"), lockFile}) {
		t.Errorf("left: %v", names)
	}
}

// full is while no file of this process can grow beyond a number of bytes.
func full(t *testing.T, bytes uint64, while func()) {
	t.Helper()
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &before))
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: before.Max}))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &before)) }()
	while()
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestNameOfAStore: the path of a store is no pattern, and files that a killed server was writing are removed.
func TestNameOfAStore(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "st[x*"))
	_, err := s.Create(id("a"), Head{N: side})
	must(t, err)
	half := filepath.Join(s.dir, id("a"), "."+headFile+"123")
	must(t, os.WriteFile(half, []byte("{"), fileMode))
	kept(t, s, id("a"))
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was being written is still there: %v", err)
	}
}

// TestIrregularJournals: a journal that is a link or a pipe is refused at once.
func TestIrregularJournals(t *testing.T) {
	s := opened(t, t.TempDir())
	other := filepath.Join(t.TempDir(), "other")
	must(t, os.WriteFile(other, []byte("somebody's"), fileMode))
	for digit, place := range map[string]func(path string) error{
		"a": func(path string) error { return os.Symlink(other, path) },
		"b": func(path string) error { return unix.Mkfifo(path, fileMode) },
		"c": func(path string) error { return os.Mkdir(path, dirMode) },
	} {
		a, err := s.Create(id(digit), Head{N: side})
		must(t, err)
		must(t, a.Close())
		journal := filepath.Join(s.dir, id(digit), journalFile)
		must(t, os.Remove(journal))
		must(t, place(journal))
		if _, err := a.Replay(func(Frames) error { return nil }); err == nil {
			t.Errorf("%s: taken for a journal", digit)
		}
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "somebody's" {
		t.Errorf("the target of a link is now %q, %v", text, err)
	}
}

// TestScanRemovedByHand: a scan whose directory is gone accepts no frames and can be removed.
func TestScanRemovedByHand(t *testing.T) {
	s := opened(t, t.TempDir())
	a, err := s.Create(id("a"), Head{N: side})
	must(t, err)
	must(t, os.RemoveAll(a.dir))
	var disk *DiskError
	if err := a.Append(some(rand.New(rand.NewPCG(1, 1)), 2, side), fine); !errors.As(err, &disk) {
		t.Errorf("frames: %v", err)
	}
	must(t, a.Remove())
}

// TestScans: scans are listed in order of creation, readable only by the owner, and removed completely.
func TestScans(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "store")
	s := opened(t, dir)
	for i, digit := range []string{"c", "a", "b"} {
		_, err := s.Create(id(digit), Head{Number: 7 + i, N: side, Digest: "d" + digit,
			Options: json.RawMessage(`{"x":1}`)})
		must(t, err)
	}
	if _, err := s.Create("../x", Head{N: side}); err == nil {
		t.Error("a path is taken for an id")
	}
	if _, err := s.Create(id("a"), Head{N: side}); err == nil {
		t.Error("a scan was made twice")
	}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[e.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return nil
	}))
	// of a server that was killed, and of others
	for _, name := range []string{creatingPrefix + id("d"), removingPrefix + id("e"), "another", creatingPrefix + "x",
		id("A")} {
		must(t, os.MkdirAll(filepath.Join(dir, name, "below"), dirMode))
	}
	must(t, os.WriteFile(filepath.Join(dir, id("a"), "."+headFile+"123"), nil, fileMode))
	must(t, os.WriteFile(filepath.Join(dir, destination.Prefix+"patches-123"), nil, fileMode))
	must(t, s.Close())

	s = opened(t, dir)
	defer s.Close()
	scans, faults, err := s.Scans()
	must(t, err)
	var ids []string
	for _, a := range scans {
		ids = append(ids, a.ID[:1])
	}
	var options bytes.Buffer
	must(t, json.Compact(&options, scans[0].Head().Options))
	if h := scans[0].Head(); !slices.Equal(ids, []string{"c", "a", "b"}) || len(faults) != 0 || h.Digest != "dc" ||
		h.Finished || options.String() != `{"x":1}` {
		t.Errorf("%v %v %+v", ids, faults, h)
	}
	if names := entries(t, filepath.Join(dir, id("a"))); !slices.Equal(names, []string{journalFile, headFile}) {
		t.Errorf("in a scan: %v", names)
	}
	must(t, scans[1].Finish())
	must(t, scans[2].Remove())
	must(t, scans[2].Remove())
	if _, err := scans[2].Replay(func(Frames) error { return nil }); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("one that was removed: %v", err)
	}
	if names := entries(t, dir); !slices.Equal(names,
		[]string{creatingPrefix + "x", id("A"), id("a"), "another", id("c"), lockFile}) {
		t.Errorf("in the store: %v", names)
	}
	if scans, _, err = s.Scans(); err != nil || len(scans) != 2 || !scans[1].Head().Finished ||
		scans[0].Head().Finished {
		t.Errorf("%d scans, %v", len(scans), err)
	}
}

// TestInvalidHeads: invalid heads are reported and stay.
func TestInvalidHeads(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "{", "version 2": `{"version":2,"n":4}`, "patterns of 0": `{"version":1}`,
		"patterns of 100000": `{"version":1,"n":100000}`,
		"67108865 bytes":     strings.Repeat(" ", 1<<26+1),
	} {
		s := opened(t, t.TempDir())
		a, err := s.Create(id("a"), Head{N: side})
		must(t, err)
		must(t, a.Close())
		path := filepath.Join(s.dir, id("a"), headFile)
		must(t, os.WriteFile(path, []byte(text), fileMode))
		scans, faults, err := s.Scans()
		if err != nil || len(scans) != 0 || len(faults) != 1 || !strings.Contains(faults[0].Err.Error(), name) {
			t.Errorf("%s: %d scans, %v, %v", name, len(scans), faults, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%s: the file is another one: %v", name, err)
		}
		must(t, s.Close())
	}
}

func TestInvalidStores(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, fileMode))
	for _, dir := range []string{"", file, filepath.Join(file, "below"), "/proc/store"} {
		var fault *badinput.Error
		if _, err := Open("--store", dir); !errors.As(err, &fault) || fault.Key != "--store" {
			t.Errorf("%q: %v", dir, err)
		}
	}
}
