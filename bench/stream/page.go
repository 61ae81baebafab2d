package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"net/http"
	"strings"
)

// Parts of the stream of package viewer that are read here.
const (
	tileSide   = 32
	tileHeader = 76
)

// page is a browser in place of one: it reads the stream of the page, and notes when it has pixels of a frame.
type page struct {
	url       string
	level     int
	wanted    map[[2]int32][]int // frames that are not shown yet, by row and column of the tile with their middle
	bench     *bench
	latencies *latencies
	body      io.ReadCloser
	done      chan struct{}
}

// openPage opens the page of a watch, and shows the complete object of the run on about 512 pixels.
func openPage(url string, b *bench, l *latencies) (*page, error) {
	request, err := http.NewRequest(http.MethodGet, url+"/stream", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := (&http.Transport{DisableCompression: true}).RoundTrip(request)
	if err != nil {
		return nil, err
	}
	p := &page{
		url: url, level: bits.Len(uint(b.side / 512)), wanted: map[[2]int32][]int{}, bench: b, latencies: l,
		body: answer.Body, done: make(chan struct{}),
	}
	for id := range b.distinct() {
		row, col := p.pixel(id)
		key := [2]int32{int32(row / tileSide), int32(col / tileSide)}
		p.wanted[key] = append(p.wanted[key], id)
	}
	go p.read()
	return p, nil
}

// pixel is the pixel of the tiles' level that the middle of a frame is in.
func (p *page) pixel(id int) (row, col int) {
	return int(p.bench.places[id].y) >> p.level, int(p.bench.places[id].x) >> p.level
}

// read reads messages until the stream ends.
func (p *page) read() {
	defer close(p.done)
	plain, err := gzip.NewReader(p.body)
	if err != nil {
		return
	}
	in, head, shown := bufio.NewReader(plain), make([]byte, 5), false
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		content := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(in, content); err != nil {
			return
		}
		switch {
		case head[0] == 's' && !shown:
			shown = p.show(content) == nil
		case head[0] == 't' && content[1] > 0:
			p.take(content)
		}
	}
}

// show tells the server the view.
func (p *page) show(state []byte) error {
	var s struct{ Stream string }
	if err := json.Unmarshal(state, &s); err != nil {
		return err
	}
	view := fmt.Sprintf(`{"stream": %q, "level": %d, "top": 0, "left": 0, "bottom": %[3]d, "right": %[3]d}`,
		s.Stream, p.level, p.bench.side)
	answer, err := http.Post(p.url+"/view", "application/json", strings.NewReader(view))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// take notes the frames that a tile shows: its middle is covered.
func (p *page) take(tile []byte) {
	key := [2]int32{
		int32(binary.LittleEndian.Uint32(tile[4:])), int32(binary.LittleEndian.Uint32(tile[8:])),
	}
	var coverage [tileSide * tileSide]byte
	before := byte(0)
	for i, d := range tile[tileHeader+2*len(coverage):][:len(coverage)] {
		before += d
		coverage[i] = before
	}
	var rest []int
	for _, id := range p.wanted[key] {
		row, col := p.pixel(id)
		if coverage[row%tileSide*tileSide+col%tileSide] > 0 {
			p.latencies.shown(id)
		} else {
			rest = append(rest, id)
		}
	}
	p.wanted[key] = rest
}

// close closes the page.
func (p *page) close() {
	_ = p.body.Close()
	<-p.done
}
