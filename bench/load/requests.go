package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// requests asks for one pattern at a time.
func (l load) requests(clients int, d time.Duration) (report, error) {
	n := l.patterns.Shape[1]
	bodies := make([][]byte, min(64, l.patterns.Shape[0]))
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	for i := range bodies {
		pattern := l.patterns.Data[i*n*n : (i+1)*n*n]
		if l.raw {
			bodies[i] = appendFloats(nil, pattern)
			continue
		}
		head := fmt.Sprintf(`{"inputs":[{"name":"amplitude_measured","shape":[1,1,%d,%d],"datatype":"FP32",`+
			`"parameters":{"binary_data_size":%d}}],"parameters":{"binary_data_output":true}}`, n, n, 4*n*n)
		bodies[i] = appendFloats([]byte(head), pattern)
		header.Set("Inference-Header-Content-Length", strconv.Itoa(len(head)))
	}
	return run(clients, d, 1, func(client, turn int) error {
		answer, err := l.post(l.url, bodies[(client+turn)%len(bodies)], header)
		if err == nil && len(answer) < 2*4*n*n {
			err = fmt.Errorf("an answer of %d bytes, expected amplitude and phase of %d x %d pixels", len(answer), n, n)
		}
		return err
	})
}

func appendFloats(to []byte, values []float32) []byte {
	for _, v := range values {
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(v))
	}
	return to
}
