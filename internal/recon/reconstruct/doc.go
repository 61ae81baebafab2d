// Package reconstruct turns the patterns of a scan into its object: frames are read as they are needed, a
// predict.Predictor makes patches of them, the patches are stitched, and the Result is written with its pictures. It is
// what a node beside the detector runs, so it imports no Gorgonia.
package reconstruct
