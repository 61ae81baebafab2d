// Package ndarray holds the one array type that travels between ptyx's packages: a shape and its elements in row-major
// (C) order. It does no arithmetic: graphs compute in Gorgonia or ONNX Runtime, images in their own packages.
package ndarray

import (
	"fmt"
	"slices"
)

// Element is the type of an element: real samples (patterns, weights) or complex ones (probe, object, exit wave).
type Element interface{ ~float32 | ~complex64 }

// Array is a dense row-major array. len(Data) equals the product of Shape; a scalar has an empty Shape and one element.
type Array[T Element] struct {
	Shape []int
	Data  []T
}

// Float32 and Complex64 are the two arrays in use.
type (
	Float32   = Array[float32]
	Complex64 = Array[complex64]
)

// New returns a zeroed array of the given shape.
func New[T Element](shape ...int) *Array[T] {
	return &Array[T]{Shape: slices.Clone(shape), Data: make([]T, Size(shape))}
}

// Wrap gives data a shape without copying it. It panics if the element count does not match: that is a programming
// error.
func Wrap[T Element](data []T, shape ...int) *Array[T] {
	if len(data) != Size(shape) {
		panic(fmt.Sprintf("ndarray: %d elements do not fill shape %v", len(data), shape))
	}
	return &Array[T]{Shape: slices.Clone(shape), Data: data}
}

// Size is the number of elements of a shape; 1 for a scalar.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Clone returns a deep copy.
func (a *Array[T]) Clone() *Array[T] {
	return &Array[T]{Shape: slices.Clone(a.Shape), Data: slices.Clone(a.Data)}
}

// SameShape reports whether two shapes are equal.
func SameShape(a, b []int) bool { return slices.Equal(a, b) }
