package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// frames sends a scan whose positions repeat under new ids, like a detector that does not stop.
func (l load) frames(clients int, d time.Duration, inPost int) (report, error) {
	answer, err := l.post(l.url, []byte("{}"), http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return report{}, err
	}
	var created struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(answer, &created); err != nil {
		return report{}, fmt.Errorf("the answer to a new scan: %w", err)
	}
	scan := l.url + "/" + created.ID
	var posts atomic.Int64
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	found, err := run(clients, d, inPost, func(int, int) error {
		body, err := l.part(int(posts.Add(1)-1)*inPost, inPost)
		if err != nil {
			return err
		}
		_, err = l.post(scan+"/frames", body, header)
		return err
	})
	if err != nil {
		return report{}, err
	}
	return found, l.remove(scan)
}

// part is the body of a post: frames of ids from, from+1 and so on.
func (l load) part(from, count int) ([]byte, error) {
	n := l.patterns.Shape[1]
	patterns := ndarray.New[float32](count, n, n)
	x, y, ids := make([]float64, count), make([]float64, count), make([]int64, count)
	for i := range count {
		at := (from + i) % l.patterns.Shape[0]
		copy(patterns.Data[i*n*n:], l.patterns.Data[at*n*n:(at+1)*n*n])
		x[i], y[i], ids[i] = l.x[at], l.y[at], int64(from+i)
	}
	var b bytes.Buffer
	err := npz.WriteTo(&b, []npz.Member{{Key: "diff3d", Value: patterns}, {Key: "xcoords", Value: x},
		{Key: "ycoords", Value: y}, {Key: "ids", Value: ids}}, npz.Stored)
	return b.Bytes(), err
}

func (l load) remove(scan string) error {
	request, err := http.NewRequest(http.MethodDelete, scan, nil)
	if err != nil {
		return err
	}
	answer, err := l.client.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
