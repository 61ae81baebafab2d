package stitch

// Look reads every step-th pixel of a part of the object, as a picture of it on a screen needs: element (i, j) of
// values and coverage, both (rows, cols) in C order, is the pixel (top + i step, left + j step) of the scan's frame. A
// pixel outside the object has value 0 and coverage 0. Unlike Object, it takes no memory and a time that depends only
// on the number of values.
func (c *Canvas) Look(top, left, rows, cols, step int, values []complex64, coverage []float32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(values[:rows*cols])
	clear(coverage[:rows*cols])
	for i := range rows {
		row := top + i*step
		if row < c.box.Top || row >= c.box.Bottom {
			continue
		}
		start := (row-c.room.Top)*c.room.Width() - c.room.Left
		for j := range cols {
			col := left + j*step
			if col < c.box.Left || col >= c.box.Right {
				continue
			}
			values[i*cols+j], coverage[i*cols+j] = c.pixels[start+col].value(), c.lit(start+col)
		}
	}
}
