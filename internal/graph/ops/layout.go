package ops

import (
	"gorgonia.org/tensor"

	"ptyx/internal/graph/onnxir"
)

// Two layouts. Images are (B, C, H, W) in every graph. A training step on a CPU computes most of them rows first,
// (H, W, B, C): a transform along rows or columns is then one matrix product over all images and channels, the channels
// of a pixel are neighbours in memory, as products over channels need them, and pixels move in long runs of memory.
//
// An operator that embeds anyLayout takes its inputs with rowsFirst and gives its output with fromRows. All others take
// and give plain tensors. A tensor is converted once, when an operator needs the layout that it does not have.

func rowsKey(name string) string { return "rows first " + name }

// hasRows reports whether a tensor exists rows first, so that nothing has to be converted.
func hasRows(b *onnxir.Builder, name string) bool { return b.Offered(rowsKey(name)) }

// rowsFirst is the tensor called name, of the given plain shape (B, C, H, W), as (H, W, B, C).
func rowsFirst(b *onnxir.Builder, name string, shape tensor.Shape) string {
	return b.Shared(rowsKey(name), func() string {
		b.Need(name)
		flat := reshaped(b, name, shape[0]*shape[1], shape[2]*shape[3])
		turned := b.Temp("Transpose", []string{flat}, onnxir.Ints("perm", 1, 0))
		return reshaped(b, turned, shape[2], shape[3], shape[0], shape[1])
	})
}

// fromRows registers rows as the rows-first form of the tensor called name, of the given plain shape.
func fromRows(b *onnxir.Builder, name string, shape tensor.Shape, rows string) {
	b.Offer(rowsKey(name), func() string { return rows })
	b.Defer(name, func() {
		flat := reshaped(b, rows, shape[2]*shape[3], shape[0]*shape[1])
		turned := b.Temp("Transpose", []string{flat}, onnxir.Ints("perm", 1, 0))
		b.Node("Reshape", name, []string{turned, b.Shape(shape...)})
	})
}

// elementwise lowers an operator that works on each pixel by itself in the layout of the image called leader.
func elementwise(b *onnxir.Builder, c Call, leader string, lower func(output string, in []string)) {
	if !hasRows(b, leader) {
		needAll(b, c.In)
		lower(c.Out, c.In)
		return
	}
	in := make([]string, len(c.In))
	for i, name := range c.In {
		in[i] = rowsFirst(b, name, c.InShapes[i])
	}
	rows := b.TempName("rows")
	lower(rows, in)
	fromRows(b, c.Out, c.OutShape, rows)
}

func needAll(b *onnxir.Builder, names []string) {
	for _, name := range names {
		b.Need(name)
	}
}

func reshaped(b *onnxir.Builder, x string, shape ...int) string {
	return b.Temp("Reshape", []string{x, b.Shape(shape...)})
}

// sliced is x[..., from:to, ...] along an axis.
func sliced(b *onnxir.Builder, x string, axis, from, to int) string {
	return b.Temp("Slice", []string{x, b.Int64s(from), b.Int64s(to), b.Int64s(axis)})
}

// halves splits x (L, 2, X) into its two (L, 1, X).
func halves(b *onnxir.Builder, x string) (first, second string) {
	first, second = b.TempName("Split"), b.TempName("Split")
	b.NodeIn("", "Split", []string{first, second}, []string{x}, onnxir.Int("axis", 1))
	return first, second
}

// foldSquares joins the pixels of every 2 x 2 square of a rows-first image by an operator of two inputs:
// (H, W, B, C) -> (H/2, W/2, B, C).
func foldSquares(b *onnxir.Builder, x string, plain tensor.Shape, operator string) string {
	images, channels, height, width := plain[0], plain[1], plain[2], plain[3]
	upper, lower := halves(b, reshaped(b, x, height/2, 2, width*images*channels))
	x = b.Temp(operator, []string{upper, lower})
	left, right := halves(b, reshaped(b, x, height/2*width/2, 2, images*channels))
	x = b.Temp(operator, []string{left, right})
	return reshaped(b, x, height/2, width/2, images, channels)
}

// repeatSquares is the inverse in shape: every pixel twice along both axes.
func repeatSquares(b *onnxir.Builder, x string, plain tensor.Shape) string {
	images, channels, height, width := plain[0], plain[1], plain[2], plain[3]
	x = reshaped(b, x, height*width, 1, images*channels)
	x = b.Temp("Concat", []string{x, x}, onnxir.Int("axis", 1))
	x = reshaped(b, x, height, 1, 2*width*images*channels)
	x = b.Temp("Concat", []string{x, x}, onnxir.Int("axis", 1))
	return reshaped(b, x, 2*height, 2*width, images, channels)
}
