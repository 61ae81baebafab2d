#!/bin/sh
# Two fresh builds of this tree, in two places, each from an empty cache: the programs must be the same bytes, and so must what they make.
#
#   sh scripts/reproduce.sh        after `make lib`
set -eu

go=${GO:-go}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
top=$(pwd)
PTYX_ONNXRUNTIME=${PTYX_ONNXRUNTIME:-$top/lib}
PTYX_HDF5=${PTYX_HDF5:-$top/lib}
export PTYX_ONNXRUNTIME PTYX_HDF5

for name in first the-second; do
	mkdir "$work/$name"
	{ git ls-files; git ls-files --others --exclude-standard; } | sort -u | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done | tar -cf - -T - | tar -xf - -C "$work/$name"
	(
		cd "$work/$name"
		GOCACHE=$work/cache-$name $go build -trimpath -o ptyx ./cmd/ptyx
		rm -rf "$work/cache-$name"
		PTYX=./ptyx
		$PTYX simulate --out made/scan.npz --positions 16 --step 8 --nphotons 1e5 --seed 3
		$PTYX train --train-data-file made/scan.npz --output-dir made/run --export made/model.onnx --max-epochs 3 --batch-size 4 \
			--n-filters-scale 1 --seed 5 --device cpu
		$PTYX infer --model-path made/model.onnx --test-data made/scan.npz --output-dir made/object --device cpu
		# The seconds of each epoch are of the clock, and are the one thing that may differ.
		rm made/run/metrics.csv
		find ptyx made -type f | sort | xargs sha256sum > "$work/$name.sums"
	) > "$work/$name.log" 2>&1 || { cat "$work/$name.log" >&2; exit 1; }
done

if ! diff "$work/first.sums" "$work/the-second.sums"; then
	echo "reproduce: two builds of the same tree differ" >&2
	exit 1
fi
echo "reproduce: two fresh builds are the same program, and make the same $(($(wc -l < "$work/first.sums") - 1)) files"
