package ndarray_test

import (
	"fmt"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
)

// shapes are a scalar, empty arrays and full ones.
var shapes = []struct {
	shape []int
	size  int
}{
	{nil, 1}, {[]int{}, 1}, {[]int{0}, 0}, {[]int{3, 0, 2}, 0}, {[]int{1}, 1}, {[]int{7}, 7}, {[]int{2, 3}, 6},
	{[]int{2, 1, 3, 4}, 24},
}

func TestAnArrayFillsItsShape(t *testing.T) {
	for _, c := range shapes {
		a := ndarray.New[float32](c.shape...)
		if len(a.Data) != c.size || ndarray.Size(c.shape) != c.size || !ndarray.SameShape(a.Shape, c.shape) {
			t.Errorf("shape %v: %d elements of shape %v, size %d, want %d", c.shape, len(a.Data), a.Shape,
				ndarray.Size(c.shape), c.size)
		}
		if slices.ContainsFunc(a.Data, func(v float32) bool { return v != 0 }) {
			t.Errorf("shape %v: not zero", c.shape)
		}
	}
}

func TestShapesBelongToTheirArray(t *testing.T) {
	shape := []int{2, 3}
	made, wrapped := ndarray.New[float32](shape...), ndarray.Wrap(make([]float32, 6), shape...)
	shape[0] = 9
	for name, a := range map[string]*ndarray.Float32{"New": made, "Wrap": wrapped} {
		if a.Shape[0] != 2 {
			t.Errorf("%s keeps the caller's slice", name)
		}
	}
}

func TestWrapSharesAndCloneDoesNot(t *testing.T) {
	data := []complex64{1, 2, 3, 4}
	a := ndarray.Wrap(data, 2, 2)
	c := a.Clone()
	data[3] = 5i
	if a.Data[3] != 5i {
		t.Error("Wrap copies")
	}
	c.Shape[0], c.Data[0] = 7, 8
	if c.Data[3] != 4 || a.Data[0] != 1 || a.Shape[0] != 2 {
		t.Errorf("a clone shares: %v and %v", c, a)
	}
}

func TestWrapRefusesAnotherSize(t *testing.T) {
	for _, c := range []struct {
		elements int
		shape    []int
	}{{0, nil}, {2, nil}, {5, []int{2, 3}}, {7, []int{2, 3}}, {1, []int{0}}, {4, []int{-2, 3}}} {
		func() {
			defer func() {
				if want := fmt.Sprintf("ndarray: %d elements do not fill shape %v", c.elements,
					c.shape); recover() != want {
					t.Errorf("%d elements of shape %v are taken, or refused in other words than %q", c.elements,
						c.shape, want)
				}
			}()
			ndarray.Wrap(make([]float32, c.elements), c.shape...)
		}()
	}
}

func TestSameShape(t *testing.T) {
	for i, a := range shapes {
		for j, b := range shapes {
			want := fmt.Sprint(a.shape) == fmt.Sprint(b.shape) // a nil shape and an empty one are both a scalar's
			if got := ndarray.SameShape(a.shape, b.shape); got != want {
				t.Errorf("shapes %d and %d: %t, want %t", i, j, got, want)
			}
		}
	}
}
