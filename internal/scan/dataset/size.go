package dataset

import "fmt"

// Bounds of the side N of a pattern, in pixels.
const (
	LeastSize = 32
	MostSize  = 1024
)

// HasSize reports whether ptyx computes with patterns of n x n pixels. An odd side is refused, because a half of it
// begins a patch, and [N/2, N/2] is the zero frequency.
func HasSize(n int) bool { return n >= LeastSize && n <= MostSize && n%2 == 0 }

// SizeRule says in words which sides HasSize accepts.
func SizeRule() string { return fmt.Sprintf("an even number from %d to %d", LeastSize, MostSize) }

// sizeRemedy names a crop and a binning, near the given ones, whose patterns have a size that HasSize accepts. room is
// the side of the largest crop around the same pixel. If there is none, the remedy is empty.
func sizeRemedy(c Crop, bin, room int) string {
	given := bin
	for c.Size/bin > MostSize {
		bin++
	}
	for bin > 1 && c.Size/bin < LeastSize {
		bin--
	}
	c.Size = bin * max(c.Size/(2*bin)*2, LeastSize)
	switch {
	case c.Size > room:
		return ""
	case bin == 1 && given == 1:
		return fmt.Sprintf("for example, take --crop %s", c)
	}
	return fmt.Sprintf("for example, take --crop %s --bin %d", c, bin)
}
