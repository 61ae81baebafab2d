#!/bin/sh
# Builds a copy of this tree in another directory, and compiles every package of ptyx again. The program must equal
# bin/ptyx to the byte, and both programs must write the same files.
#
#   sh scripts/reproduce.sh        after `make build lib`
set -eu

go=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/tree"
{ git ls-files; git ls-files --others --exclude-standard; } | sort -u | while read -r file; do
	[ ! -f "$file" ] || echo "$file"
done | tar -cf - -T - | tar -xf - -C "$work/tree"
# Without their files in Go's cache, the packages of ptyx are compiled again. Other modules and the standard library
# stay: Go checks their sums, and their compilation takes four times as long.
own='{{if .Module}}{{if .Module.Main}}{{.ImportPath}} {{.Export}}{{end}}{{end}}'
"$go" list -trimpath -buildvcs=false -deps -export -f "$own" ./cmd/ptyx | sort > "$work/own"
cut -d ' ' -f 2 "$work/own" | xargs rm -f
(cd "$work/tree" && "$go" build -v -trimpath -buildvcs=false -o "$work/again" ./cmd/ptyx) 2> "$work/log" ||
	{ cat "$work/log" >&2; exit 1; }
for package in $(cut -d ' ' -f 1 "$work/own"); do
	grep -qx "$package" "$work/log" || { echo "reproduce: $package was not compiled again" >&2; exit 1; }
done

# The checksums of all files of a simulation, a training and a reconstruction.
make_all() {
	mkdir "$2"
	(
		cd "$2" &&
		"$1" simulate --out scan.npz --positions 16 --step 8 --nphotons 1e5 --seed 3 &&
		"$1" train --train-data-file scan.npz --output-dir run --export model.onnx --device cpu --seed 5 \
			--max-epochs 3 --batch-size 4 --n-filters-scale 1 &&
		"$1" infer --model-path model.onnx --test-data scan.npz --output-dir object --device cpu &&
		ls object/reconstruction.npz &&
		rm run/metrics.csv run/state.npz # they hold the seconds of each epoch
	) > "$2.log" 2>&1 || { cat "$2.log" >&2; exit 1; }
	(cd "$2" && find . -type f | LC_ALL=C sort | xargs sha256sum)
}

make_all "$(pwd)/bin/ptyx" "$work/first" > "$work/first.sums"
make_all "$work/again" "$work/second" > "$work/second.sums"
diff "$work/first.sums" "$work/second.sums" || { echo "reproduce: the files of two builds differ" >&2; exit 1; }
cmp bin/ptyx "$work/again" || { echo "reproduce: two builds of one tree differ" >&2; exit 1; }
echo "reproduce: two builds are the same program and write the same $(wc -l < "$work/first.sums") files"
