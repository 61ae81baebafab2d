package stitch_test

import (
	"errors"
	"fmt"

	"ptyx/stitch"
)

// Two patches of 2 x 2 pixels overlap in one column. The right pixels of a patch saw three times the light of the left
// ones, so in the overlap the left patch counts three times as much.
func Example() {
	weights := &stitch.Array{Shape: []int{2, 2}, Data: []float32{1, 3, 1, 3}}
	x, y := []float64{10, 11}, []float64{20, 20} // columns and rows, in object pixels
	canvas, err := stitch.NewCanvas(x, y, 2, weights)
	if err != nil {
		fmt.Println(err)
		return
	}
	for frame, patch := range [][]complex64{{1, 1, 1, 1}, {0, 0, 0, 0}} {
		if err := canvas.Add(frame, x[frame], y[frame], patch); err != nil {
			fmt.Println(err)
		}
	}
	row, col := canvas.Origin()
	object := canvas.Object()
	fmt.Println("origin", row, col, "shape", object.Shape)
	for _, v := range object.Data[:3] {
		fmt.Printf("%.2f ", real(v))
	}
	// Output:
	// origin 19 9 shape [2 3]
	// 1.00 0.75 0.00
}

// A canvas for a scan in progress grows with the positions.
func ExampleNewGrowing() {
	weights := &stitch.Array{Shape: []int{2, 2}, Data: []float32{1, 1, 1, 1}}
	canvas, err := stitch.NewGrowing(2, weights)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range []float64{5, 9} {
		if err := canvas.Cover([]float64{x}, []float64{5}, nil); err != nil {
			fmt.Println(err)
		}
		height, width := canvas.Size()
		fmt.Println(height, "x", width)
	}
	// Output:
	// 2 x 2
	// 2 x 6
}

// A frame counts once, and a patch must lie on the canvas.
func ExampleCanvas_Add() {
	weights := &stitch.Array{Shape: []int{1, 1}, Data: []float32{1}}
	canvas, err := stitch.NewCanvas([]float64{0, 3}, []float64{0, 3}, 1, weights)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(canvas.Add(7, 0, 0, []complex64{1i}))
	fmt.Println(errors.Is(canvas.Add(7, 3, 3, []complex64{1i}), stitch.ErrDuplicate))
	fmt.Println(errors.Is(canvas.Add(8, 4, 3, []complex64{1i}), stitch.ErrOutside))
	// Output:
	// <nil>
	// true
	// true
}
