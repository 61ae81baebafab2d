#!/bin/sh
# What a node beside the detector would see: the one file, alone in an empty directory, with an empty environment and, where the
# system allows it, without a network. It trains a little, infers, and reads and writes HDF5; nothing may be left behind.
#
#   sh scripts/dist-check.sh dist/ptyx-linux-amd64
set -eu

program=$(realpath "$1")
node=$(mktemp -d)
trap 'rm -rf "$node"' EXIT
mkdir "$node/home" "$node/tmp" "$node/work"
cp "$program" "$node/work/ptyx"
cp testdata/scan.npz "$node/work/scan.npz"

alone=""
if unshare --user --net true 2> "$node/refusal"; then
	alone="unshare --user --net"
else
	echo "dist-check: with the network, because this system refuses a namespace without: $(cat "$node/refusal")"
fi
ptyx() { (cd "$node/work" && env -i HOME="$node/home" TMPDIR="$node/tmp" PATH=/nowhere $alone_path ./ptyx "$@"); }
alone_path=${alone:+$(command -v unshare) --user --net}

fail() {
	echo "dist-check: $1" >&2
	exit 1
}

ptyx doctor > "$node/doctor"
grep -q 'the program itself' "$node/doctor" || fail "the library that is used is not the one inside: $(cat "$node/doctor")"
ptyx train --quiet --train-data-file scan.npz --output-dir run --n-filters-scale 1 --max-epochs 1 --gridsize 1 --export model.onnx > "$node/log"
ptyx infer --quiet --model-path model.onnx --test-data scan.npz --output-dir out > "$node/log"
ptyx convert --quiet scan.npz scan.cxi --pixel-size-nm 10 > "$node/log"
ptyx infer --quiet --model-path model.onnx --test-data scan.cxi --pixel-size-nm 10 --output-dir out-cxi > "$node/log"

[ -s "$node/work/out/reconstruction.npz" ] || fail "no reconstruction was written"
[ -s "$node/work/out-cxi/reconstruction.npz" ] || fail "no reconstruction of the HDF5 file was written"
left=$(find "$node/home" "$node/tmp" -mindepth 1)
[ -z "$left" ] || fail "left behind: $left"
echo "dist-check: doctor, train, infer and HDF5 in an empty directory, nothing left behind"
