package stitch

import (
	"math"
	"math/cmplx"
	"runtime"
	"slices"
	"sync"
)

// Multiply multiplies the object with a smooth factor, given for each pixel (row, column) of the scan's frame, as if
// each patch had been multiplied with it, and its variance with the square. Magnitudes of the factor are from 1/2 to 2.
// Snapshots of the object before stay as they are. Several goroutines call factor.
func (c *Canvas) Multiply(factor func(row, col int) complex128) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.preserve(0, c.room.Height())
	c.logs = slices.Clone(c.logs) // a canvas of Emptied shares them
	var rows sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		rows.Go(func() {
			for row := c.box.Top + worker; row < c.box.Bottom; row += workers {
				c.multiplyRow(row, factor)
			}
		})
	}
	rows.Wait()
}

func (c *Canvas) multiplyRow(row int, factor func(row, col int) complex128) {
	start := (row-c.room.Top)*c.room.Width() - c.room.Left
	for col := c.box.Left; col < c.box.Right; col++ {
		p := &c.pixels[start+col]
		if p.weight == 0 {
			continue
		}
		by := factor(row, col)
		p.multiply(by)
		if c.logs != nil {
			change := 2 * math.Log(cmplx.Abs(by)) * (1 << logBits)
			c.logs[start+col] += int64(math.RoundToEven(float64(p.weight) * change))
		}
	}
}

// multiply multiplies the values of a pixel. Rounding is to 1 part in 2^53 of the sums.
func (p *sums) multiply(by complex128) {
	value := complex(float64(p.re), float64(p.im)) * by
	p.re, p.im = int64(math.RoundToEven(real(value))), int64(math.RoundToEven(imag(value)))
	square := float64(p.square) * (real(by)*real(by) + imag(by)*imag(by))
	p.square = math.MaxUint64
	if square < 1<<64 {
		p.square = uint64(square)
	}
}
