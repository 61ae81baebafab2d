#!/bin/sh
# The main steps on simulated data: simulate a scan with known truth, train, export, infer, evaluate.
#
#   sh scripts/demo.sh [DIRECTORY]     (default: demo)
set -eu

out=${1:-demo}
ptyx=${PTYX:-bin/ptyx}
mkdir -p "$out"

say() { printf '\n== %s\n' "$*"; }

say "simulate: a Siemens star, a zone plate's probe, 1e6 photons a pattern"
$ptyx simulate --out "$out/scan.npz" --object star --probe zoneplate --positions 441 --step 6 --nphotons 1e6 --seed 1

say "train: without ground truth, from overlapping neighbours; about half a minute on two cores"
$ptyx train --train-data-file "$out/scan.npz" --output-dir "$out/run" --export "$out/model.onnx" --seed 1

say "infer: from patterns to patches to one object"
$ptyx infer --model-path "$out/model.onnx" --test-data "$out/scan.npz" --output-dir "$out/object"

say "evaluate against the truth"
$ptyx eval --recon "$out/object/reconstruction.npz" --reference "$out/scan.npz" --output "$out/eval"

say "results"
for f in object/reconstructed_phase.png object/reconstructed_amplitude.png \
	eval/comparison.png eval/metrics.json run/loss.png model.onnx; do
	echo "  $out/$f"
done
