#!/bin/sh
# Measures ptyx on an NVIDIA GPU in at most ten minutes: doctor, training, inference and solver compared with the CPU,
# PyTorch on the same GPU, device memory, and copies between host and device. docs/dev/performance.md explains it.
#
#   sh scripts/gpu.sh [DIRECTORY]
#
# It runs in the root of the repository and writes gpu.txt and gpu.json into the directory (default: $OUT, or
# bench/gpu). A machine without a network needs these parts from elsewhere:
#
#   PTYX=bin/ptyx              the program; otherwise Go builds it
#   PTYX_ONNXRUNTIME=lib-gpu   the folder of ONNX Runtime with CUDA; otherwise pip downloads it
#   PYTHON=python3             Python with torch, numpy and onnx; otherwise pip installs them into .venv/gpu
#
# PTYX_GPU_REHEARSAL=1 tries the script without a GPU: one thread of the CPU takes its place. BENCH_QUICK=1 measures a
# little of everything.
set -eu

start=$(date +%s)
limit=590 # seconds, for everything
left() { echo $((start + limit - $(date +%s))); }
fail() {
	echo "gpu: $1" >&2
	exit 1
}

python=${PYTHON:-python3}
rehearsal=${PTYX_GPU_REHEARSAL:+--rehearsal}
directory=${1:-${OUT:-bench/gpu}}

[ -n "$rehearsal" ] || nvidia-smi -L > /dev/null 2>&1 ||
	fail "no NVIDIA GPU was found (nvidia-smi -L fails): run this script on a machine with one"
"$python" -c '' 2> /dev/null || fail "$python does not run: install Python 3, or name it in PYTHON"

ptyx=${PTYX:-bin/ptyx}
[ -n "${PTYX:-}" ] || timeout 200 "${GO:-go}" build -trimpath -buildvcs=false -o bin/ptyx ./cmd/ptyx ||
	fail "the program cannot be built: install Go, or name a ready program in PTYX"
[ -x "$ptyx" ] || fail "$ptyx is no program: name a ready one in PTYX"

# The library of the package onnxruntime-gpu, whose checksum pip verifies.
library() {
	part=lib-gpu.part
	rm -rf $part
	timeout 120 "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
		--python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64 --require-hashes \
		--requirement scripts/gpu-library.txt --dest $part &&
		"$python" -m zipfile -e $part/onnxruntime_gpu-*.whl $part && rm $part/*.whl &&
		mkdir $part/lib && mv $part/onnxruntime/capi/libonnxruntime* $part/lib/ &&
		(cd $part/lib && ln -s libonnxruntime.so.* libonnxruntime.so) && mv $part/lib lib-gpu && rm -rf $part
}
if [ -z "${PTYX_ONNXRUNTIME:-}" ]; then
	PTYX_ONNXRUNTIME=$(pwd)/lib
	if [ -z "$rehearsal" ]; then
		[ -d lib-gpu ] || library ||
			fail "pip cannot obtain onnxruntime-gpu: name the folder of a ready library in PTYX_ONNXRUNTIME"
		PTYX_ONNXRUNTIME=$(pwd)/lib-gpu
	fi
fi
export PTYX_ONNXRUNTIME

# PyTorch also brings the CUDA and cuDNN that ONNX Runtime loads. A rehearsal does not download gigabytes.
peer=$python
has_torch() { "$1" -c 'import torch, numpy, onnx' 2> /dev/null; }
if ! has_torch "$peer" && [ -z "$rehearsal" ]; then
	peer=$(pwd)/.venv/gpu/bin/python
	has_torch "$peer" || {
		"$python" -m venv .venv/gpu && timeout 240 "$peer" -m pip install --quiet --disable-pip-version-check \
			--requirement bench/requirements-gpu.txt
	} || echo "gpu: pip cannot install PyTorch" >&2
fi
for folder in $("$peer" -c 'import glob, sysconfig
print(*glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib"))' 2> /dev/null); do
	LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}"

# shellcheck disable=SC2086 # the switch may be absent
timeout --kill-after 5 "$(left)" "$python" -B bench/gpu.py --ptyx "$ptyx" --directory "$directory" \
	--files .venv/gpu-files --peer "$peer" --seconds "$(($(left) - 10))" $rehearsal ${BENCH_QUICK:+--quick}
