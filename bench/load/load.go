package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"ptyx/internal/base/ndarray"
)

// load is what to send, and where.
type load struct {
	url      string
	raw      bool
	patterns *ndarray.Float32 // (M, N, N)
	x, y     []float64
	client   *http.Client
}

// report is what the clients measured.
type report struct {
	PerSecond float64 `json:"per_second"` // patterns that were answered
	P50       float64 `json:"p50"`        // seconds of an answer
	P99       float64 `json:"p99"`
	Answered  int     `json:"answered"` // requests
}

// run lets clients send for a time, each the next request when it has its answer. A refused request ends the run with
// an error: requests that were not answered must not look fast.
func run(clients int, d time.Duration, patterns int, ask func(client, turn int) error) (report, error) {
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
	seconds := time.Since(start).Seconds()
	if err := errors.Join(faults...); err != nil {
		return report{}, err
	}
	all := slices.Concat(taken...)
	slices.Sort(all)
	quantile := func(q float64) float64 { return all[min(len(all)-1, int(q*float64(len(all))))].Seconds() }
	return report{PerSecond: float64(len(all)*patterns) / seconds, P50: quantile(0.5), P99: quantile(0.99),
		Answered: len(all)}, nil
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
	body, err = io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %.300s", url, answer.Status, body)
	}
	return body, err
}
