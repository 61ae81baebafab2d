package serve

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ptyx/internal/format/npz/npztest"
)

// zeros is a compressed body of frames, all zero, with so many ids, x and y.
func zeros(frames, ids, x, y int) []byte {
	numbers := make([]float64, ids)
	for i := range numbers {
		numbers[i] = float64(i % 1000)
	}
	return npztest.Zip(zip.Deflate,
		npztest.Real(keyPatterns, "<f4", make([]float64, frames*area), frames, size, size),
		npztest.Real(keyX, "<f8", make([]float64, x), x), npztest.Real(keyY, "<f8", make([]float64, y), y),
		npztest.Real(keyIDs, "<i8", numbers, ids))
}

// TestLengthsBeforeUnpacking: a compressed body whose arrays do not belong together is refused before any is unpacked.
func TestLengthsBeforeUnpacking(t *testing.T) {
	o := scanServer(&fake{channels: 1})
	o.MaxBody = 64 << 20
	s := started(t, o)
	frames := createScan(t, s, "") + "/frames"
	const many = 1 << 20 // values, of 8 bytes each
	for name, body := range map[string][]byte{
		"ids": zeros(1, many, 1, 1), "x": zeros(1, 1, many, 1), "y": zeros(1, 1, 1, many),
		"all but the patterns": zeros(1, many, many, many),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := ask(s, "POST", frames, body)
		runtime.ReadMemStats(&after)
		if text := complaint(t, w); w.Code != http.StatusBadRequest || !strings.Contains(text, "1048576") {
			t.Errorf("%s: %d %s", name, w.Code, text)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*many/2 {
			t.Errorf("%s: a body of %d bytes took %d bytes before it was refused", name, len(body), took)
		}
	}
}

// TestUnpackedArraysAreReserved: bodies that unpack to more than their length are refused while the arrays of earlier
// ones use the memory for bodies.
func TestUnpackedArraysAreReserved(t *testing.T) {
	const posts, samples = 20, 200
	const unpacked = 4 * samples * area // bytes
	list := "[" + strings.Repeat("0,", samples*area-1) + "0]"
	ids := strings.ReplaceAll(fmt.Sprint(slices.Repeat([]int{7}, samples)), " ", ",")
	inference := fmt.Sprintf(`{"inputs":[{"name":"amplitude_measured","shape":[%d,1,%d,%d],`, samples, size, size)
	binary := inference + fmt.Sprintf(`"datatype":"UINT8","parameters":{"binary_data_size":%d}}]}`, samples*area)
	for name, tt := range map[string]struct {
		frames  bool
		body    string
		headers []string
	}{
		"NPZ": {true, string(zeros(samples, samples, samples, samples)), nil},
		"frames in JSON": {true, fmt.Sprintf(`{"ids":%s,"xcoords":%s,"ycoords":%s,"diff3d":%s}`, ids, ids, ids, list),
			[]string{"Content-Type", "application/json"}},
		"JSON": {false, inference + `"datatype":"FP32","data":` + list + `}]}`, nil},
		"bytes": {false, binary + strings.Repeat("\x00", samples*area),
			[]string{headerLength, fmt.Sprint(len(binary))}},
	} {
		t.Run(name, func(t *testing.T) {
			compute := make(chan struct{})
			proceed := sync.OnceFunc(func() { close(compute) })
			var group sync.WaitGroup
			defer group.Wait()
			defer proceed()
			o := scanServer(&fake{channels: 1, run: func(int) error { <-compute; return nil }})
			o.MaxBody, o.Queue = 64<<10, posts*samples
			s := started(t, o)
			path := inferPath
			if tt.frames {
				path = createScan(t, s, "") + "/frames"
			}
			var refused, answered atomic.Int64
			for range posts {
				group.Go(func() {
					switch w := ask(s, "POST", path, []byte(tt.body), tt.headers...); {
					case w.Code == http.StatusOK:
						answered.Add(1)
					case w.Code == http.StatusTooManyRequests && strings.Contains(w.Body.String(), errMemory.text):
						refused.Add(1)
					default:
						t.Errorf("%d %s", w.Code, w.Body)
					}
				})
			}
			fit := maxBodies * o.MaxBody / unpacked
			eventually(t, "posts are refused", func() bool { return refused.Load() >= posts-fit })
			proceed()
			group.Wait()
			if answered.Load() == 0 {
				t.Error("no post was answered")
			}
			if !s.memory.TryAcquire(maxBodies * o.MaxBody) {
				t.Error("the requests left memory reserved")
			}
		})
	}
}

// TestSlowBodiesReserveWhatArrived: clients that send two bytes and then wait hold no memory for what they have not
// sent, whether they said how much it will be or not.
func TestSlowBodiesReserveWhatArrived(t *testing.T) {
	const slow = 3 * maxBodies
	for name, length := range map[string]int64{"unknown length": -1, "known length": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			s := started(t, options(&fake{channels: 1})) // whose largest body is 1 MiB
			var group sync.WaitGroup
			var ends []*io.PipeWriter
			for range slow {
				reader, writer := io.Pipe()
				ends = append(ends, writer)
				group.Go(func() {
					r := httptest.NewRequest("POST", inferPath, reader)
					r.ContentLength = length
					w := httptest.NewRecorder()
					s.Handler().ServeHTTP(w, r)
					if w.Code != http.StatusBadRequest {
						t.Errorf("a slow body: %d %s", w.Code, w.Body)
					}
					_ = reader.Close()
				})
			}
			for _, end := range ends {
				_, _ = end.Write([]byte("{}"))
			}
			if w := ask(s, "POST", inferPath, jsonRequest(t, 1, nil)); w.Code != http.StatusOK {
				t.Errorf("beside %d slow bodies: %d %s", slow, w.Code, w.Body)
			}
			for _, end := range ends {
				_ = end.Close()
			}
			group.Wait()
		})
	}
}
