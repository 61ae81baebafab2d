package metrics

// The structural similarity index of Wang et al. (IEEE Trans. Image Process. 13, 600, 2004) with the defaults of
// scikit-image's structural_similarity: a uniform 7 x 7 window, covariances divided by 48, K1 = 0.01, K2 = 0.03, and
// the mean over the windows that lie inside the image.
const (
	ssimWindow = 7
	ssimK1     = 0.01
	ssimK2     = 0.03
)

// SSIM of two images (h, w), over windows whose centre mask holds (nil: all). dataRange is the span of values that the
// images could have. Without any window it is 0; where nothing varies and nothing could, it is 1.
func SSIM(x, y []float64, mask []bool, h, w int, dataRange float64) float64 {
	const half = ssimWindow / 2
	if h < ssimWindow || w < ssimWindow {
		return 0
	}
	product := func(p, q []float64) []float64 {
		out := make([]float64, len(p))
		for i := range p {
			out[i] = p[i] * q[i]
		}
		return boxMeans(out, h, w)
	}
	mx, my := boxMeans(x, h, w), boxMeans(y, h, w)
	mxx, myy, mxy := product(x, x), product(y, y), product(x, y)
	const unbiased = float64(ssimWindow*ssimWindow) / (ssimWindow*ssimWindow - 1)
	c1, c2 := ssimK1*dataRange*ssimK1*dataRange, ssimK2*dataRange*ssimK2*dataRange
	sum, n := 0.0, 0.0
	inner := w - 2*half
	for i := range mx {
		if mask != nil && !mask[(i/inner+half)*w+i%inner+half] {
			continue
		}
		vx, vy, vxy := unbiased*(mxx[i]-mx[i]*mx[i]), unbiased*(myy[i]-my[i]*my[i]), unbiased*(mxy[i]-mx[i]*my[i])
		n++
		denominator := (mx[i]*mx[i] + my[i]*my[i] + c1) * (vx + vy + c2)
		if denominator == 0 {
			sum++
			continue
		}
		sum += (2*mx[i]*my[i] + c1) * (2*vxy + c2) / denominator
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// boxMeans are the means over all whole windows, (h - 6, w - 6).
func boxMeans(x []float64, h, w int) []float64 {
	inner := w - ssimWindow + 1
	rows := make([]float64, h*inner) // sums along rows
	for i := range rows {
		r, c := i/inner, i%inner
		for _, v := range x[r*w+c : r*w+c+ssimWindow] {
			rows[i] += v
		}
	}
	out := make([]float64, (h-ssimWindow+1)*inner)
	for i := range out {
		for k := range ssimWindow {
			out[i] += rows[i+k*inner]
		}
		out[i] /= ssimWindow * ssimWindow
	}
	return out
}
