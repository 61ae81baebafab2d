package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"ptyx/internal/base/ndarray"
)

// load is what is sent, and where to.
type load struct {
	url      string
	raw      bool
	patterns *ndarray.Float32 // (M, N, N)
	x, y     []float64
	client   *http.Client
}

// report is what clients have met.
type report struct {
	PerSecond float64 `json:"per_second"` // patterns that were answered
	P50       float64 `json:"p50"`        // seconds of an answer
	P99       float64 `json:"p99"`
	Answered  int     `json:"answered"` // requests
}

// together runs clients until the time is over, each with the next body whenever it was answered. A refusal ends it all with an error:
// what was not answered must not look fast.
func together(clients int, d time.Duration, patterns int, ask func(client, turn int) error) (report, error) {
	var wait sync.WaitGroup
	taken := make([][]time.Duration, clients)
	faults := make([]error, clients)
	start := time.Now()
	for c := range clients {
		wait.Go(func() {
			for turn := 0; time.Since(start) < d; turn++ {
				sent := time.Now()
				if faults[c] = ask(c, turn); faults[c] != nil {
					return
				}
				taken[c] = append(taken[c], time.Since(sent))
			}
		})
	}
	wait.Wait()
	whole := time.Since(start).Seconds()
	for _, err := range faults {
		if err != nil {
			return report{}, err
		}
	}
	all := slices.Concat(taken...)
	slices.Sort(all)
	quantile := func(q float64) float64 { return all[min(len(all)-1, int(q*float64(len(all))))].Seconds() }
	return report{PerSecond: float64(len(all)*patterns) / whole, P50: quantile(0.5), P99: quantile(0.99), Answered: len(all)}, nil
}

// post sends a body and reads the answer to its end.
func (l load) post(url string, body []byte, header http.Header) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header
	answer, err := l.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %.300s", url, answer.Status, said)
	}
	return said, err
}
