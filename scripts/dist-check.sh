#!/bin/sh
# Runs the program as a node beside the detector would: from an empty directory, with an empty environment and, if the
# system allows it, without a network. It trains, infers, and reads and writes HDF5, also a master of a detector whose
# data files are packed by bitshuffle; no other file may remain.
#
#   sh scripts/dist-check.sh dist/ptyx-linux-amd64
set -eu

program=$(realpath "$1")
node=$(mktemp -d)
trap 'rm -rf "$node"' EXIT
mkdir "$node/home" "$node/tmp" "$node/work"
cp "$program" "$node/work/ptyx"
cp testdata/scan.npz "$node/work/scan.npz"
cp cmd/ptyx/testdata/first_scan/*.h5 cmd/ptyx/testdata/first_scan/stage.csv "$node/work"

offline=""
if unshare --user --net true 2> "$node/refusal"; then
	offline="$(command -v unshare) --user --net"
else
	echo "dist-check: with the network, because this system refuses a network namespace: $(cat "$node/refusal")"
fi
ptyx() { (cd "$node/work" && env -i HOME="$node/home" TMPDIR="$node/tmp" PATH=/nowhere $offline ./ptyx "$@"); }

fail() {
	echo "dist-check: $1" >&2
	exit 1
}

ptyx doctor > "$node/doctor"
grep -q 'the program itself' "$node/doctor" || fail "it uses another library than its own: $(cat "$node/doctor")"
ptyx train --quiet --train-data-file scan.npz --output-dir run --export model.onnx \
	--n-filters-scale 1 --max-epochs 1 --gridsize 1 > "$node/log"
ptyx infer --quiet --model-path model.onnx --test-data scan.npz --output-dir out > "$node/log"
ptyx convert --quiet scan.npz scan.cxi --pixel-size-nm 10 > "$node/log"
ptyx infer --quiet --model-path model.onnx --test-data scan.cxi --pixel-size-nm 10 --output-dir out-cxi > "$node/log"
ptyx solve --quiet --data scan_master.h5 --positions-file stage.csv --crop 64@41,53 --sample-motion --iterations 2 \
	--output-dir out-master > "$node/log"

[ -s "$node/work/out-master/reconstruction.npz" ] || fail "no reconstruction of the master was written"
[ -s "$node/work/out/reconstruction.npz" ] || fail "no reconstruction was written"
[ -s "$node/work/out-cxi/reconstruction.npz" ] || fail "no reconstruction of the HDF5 file was written"
left=$(find "$node/home" "$node/tmp" -mindepth 1)
[ -z "$left" ] || fail "left behind: $left"
echo "dist-check: doctor, train, infer and HDF5 in an empty directory, no other file remains"
