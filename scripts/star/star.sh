#!/bin/sh
# Measured data for everyone: takes the Siemens star from the source archive of the solver tike (BSD-3-Clause, UChicago
# Argonne LLC; measured at the Advanced Photon Source), reconstructs it with a network and compares it with a solver's
# object, as in the figure of README.md. `make star` runs it.
#
#   sh scripts/star/star.sh PYTHON     (an absolute path; PYTHON has pip and what python/tests/requirements.txt lists,
#                                      and not ptyx: the notebook takes that of this folder)
#
# pip refuses another archive than that of archive.txt. The data are not ours to distribute: they stay in star, which
# git ignores. At the end, it records the figures in bench/star.json and executes docs/notebooks/measured-star.ipynb.
set -eu

python=$1
out=star
. scripts/star/steps.sh

if ! [ -s "$out/star.npz" ]; then
	say "obtain the measured star: 516 patterns of 64 x 64 pixels, from the source archive of tike"
	archive=$(sh scripts/star/archive.sh "$python" "$out")
	"$python" scripts/star/convert.py "$archive" "$out/part.npz"
	mv "$out/part.npz" "$out/star.npz"
fi

say "reference: ePIE, up to 100 passes until the residual no longer falls. It is a solver's object, not the truth"
timed reference solve --quiet --data "$out/star.npz" --method epie --iterations 100 --output-dir "$out/reference"

say "network: 15 epochs on the patterns alone"
timed train train --train-data-file "$out/star.npz" --max-epochs 15 --output-dir "$out/run" --export "$out/model.onnx"
timed infer infer --quiet --model-path "$out/model.onnx" --test-data "$out/star.npz" --output-dir "$out/object"
timed eval-network eval --recon "$out/object" --reference "$out/reference" --output "$out/network"

say "solver: the default method"
timed solve solve --quiet --data "$out/star.npz" --output-dir "$out/solved"
timed eval-solver eval --recon "$out/solved" --reference "$out/reference" --output "$out/solver"

say "results"
for f in network/comparison.png network/metrics.json solver/comparison.png solver/metrics.json model.onnx; do
	echo "  $out/$f"
done
"$python" -B bench/star.py --ptyx bin/ptyx --files "$out" --results bench

say "notebook: docs/notebooks/measured-star.ipynb, with these files"
PATH=$PWD/bin:$PATH PYTHONPATH=$PWD/python/src
export PATH PYTHONPATH
cd docs/notebooks
"$python" -B ../../python/notebooks.py --measured ${SAVE:+--save} measured-star.ipynb
