#!/bin/sh
# Measured data whose positions are badly wrong: a scan of the Hard X-ray Nanoprobe (CNM and APS), from the source
# archive of the solver tike (BSD-3-Clause, UChicago Argonne LLC). ptyx finds the positions from the patterns, and the
# figures compare them with those that the authors of the data corrected. `make nanoprobe` runs it.
#
#   sh scripts/star/nanoprobe.sh PYTHON     (an absolute path; PYTHON has pip and numpy)
#
# The data are not ours to distribute: they stay in star, which git ignores. At the end, it records the figures in
# bench/nanoprobe.json.
set -eu

python=$1
out=star/nanoprobe
. scripts/star/steps.sh

if ! [ -s "$out/scan.npz" ]; then
	say "obtain the scan: 481 patterns of 128 x 128 pixels, from the source archive of tike"
	archive=$(sh scripts/star/archive.sh "$python" star)
	PYTHONPATH=scripts "$python" -m star.nanoprobe "$archive" "$out/part.npz" "$out/corrected.csv"
	mv "$out/part.npz" "$out/scan.npz"
fi

say "reference: the solver at the corrected positions, the probe as delivered. It is a solver's object, not the truth"
timed reference solve --quiet --data "$out/scan.npz" --positions-file "$out/corrected.csv" --unit px \
	--output-dir "$out/reference"

say "the general network at these positions, no training"
timed general infer --quiet --test-data "$out/scan.npz" --positions-file "$out/corrected.csv" --unit px \
	--output-dir "$out/general"
timed eval-general eval --recon "$out/general" --reference "$out/reference" --output "$out/compared"

say "the positions as given"
timed positions solve --quiet --data "$out/scan.npz" --positions --output-dir "$out/found"

say "results"
for f in compared/comparison.png found/reconstructed_phase.png; do
	echo "  $out/$f"
done
"$python" -B bench/nanoprobe.py --ptyx bin/ptyx --files "$out" --results bench
