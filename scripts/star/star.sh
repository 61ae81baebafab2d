#!/bin/sh
# Measured data for everyone: takes the Siemens star from the source archive of the solver tike (BSD-3-Clause, UChicago
# Argonne LLC; measured at the Advanced Photon Source), reconstructs it with a network and compares it with a solver's
# object, as in the figure of README.md. `make star` runs it.
#
#   sh scripts/star/star.sh PYTHON [DIRECTORY]     (PYTHON has numpy and pip; default: star)
#
# pip refuses another archive than that of archive.txt. The data are not ours to distribute: they stay in DIRECTORY,
# which git ignores.
set -eu

python=$1
out=${2:-star}
ptyx=${PTYX:-bin/ptyx}
mkdir -p "$out"

say() { printf '\n== %s\n' "$*"; }

if ! [ -s "$out/star.npz" ]; then
	say "obtain the measured star: 516 patterns of 64 x 64 pixels, from the source archive of tike"
	"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary tike --require-hashes \
		--requirement scripts/star/archive.txt --dest "$out/archive"
	"$python" scripts/star/convert.py "$out"/archive/tike-*.tar.gz "$out/part.npz"
	mv "$out/part.npz" "$out/star.npz"
	rm -r "$out/archive"
fi

say "reference: ePIE, up to 100 passes until the residual no longer falls. It is a solver's object, not the truth"
$ptyx solve --quiet --data "$out/star.npz" --method epie --iterations 100 --output-dir "$out/reference"

say "network: 15 epochs on the patterns alone"
$ptyx train --train-data-file "$out/star.npz" --max-epochs 15 --output-dir "$out/run" --export "$out/model.onnx"
$ptyx infer --quiet --model-path "$out/model.onnx" --test-data "$out/star.npz" --output-dir "$out/object"
$ptyx eval --recon "$out/object" --reference "$out/reference" --output "$out/network"

say "solver: the default method"
$ptyx solve --quiet --data "$out/star.npz" --output-dir "$out/solved"
$ptyx eval --recon "$out/solved" --reference "$out/reference" --output "$out/solver"

say "results"
for f in network/comparison.png network/metrics.json solver/comparison.png solver/metrics.json model.onnx; do
	echo "  $out/$f"
done
"$python" scripts/star/figures.py "$out"
