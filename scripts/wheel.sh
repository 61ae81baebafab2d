#!/bin/sh
# Packs the one-file program of `make dist` and the package in python/ into a wheel: `make wheel`.
#
#   sh scripts/wheel.sh PYTHON          writes dist/ptyx-*.whl; PYTHON has the packages of python/requirements.txt
set -eu

python=$(realpath -s "$1")
go=${GO:-go}
arch=${GOARCH:-$($go env GOARCH)}
libraries=lib
[ "$arch" = "$($go env GOHOSTARCH)" ] || libraries=lib/$arch
case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*)
	echo "wheel: no name of a platform for $arch" >&2
	exit 1
	;;
esac

build=$(mktemp -d)
trap 'rm -rf "$build" python/ptyx python/LICENSE python/licenses.md' EXIT
cp "dist/ptyx-linux-$arch" python/ptyx
cp LICENSE docs/licenses.md python

pack() {
	"$python" -m build --wheel --no-isolation --outdir "$1" python > "$build/log" 2>&1 && return
	cat "$build/log" >&2
	exit 1
}
audit() { "$python" -m auditwheel show "$1"/*.whl 2> /dev/null | tr -d '\n'; }

# The tag names the oldest system that has all symbols which the program and the libraries inside it need. auditwheel
# cannot look inside the program, so a wheel with the libraries beside it is audited.
PTYX_PLATFORM=linux_$machine PTYX_LIBRARIES=$(realpath "$libraries") pack "$build/audit"
audited=$(audit "$build/audit")
platform=$(echo "$audited" | sed -n 's/.*platform tag: *"\(manylinux_[0-9_]*_'"$machine"'\)".*/\1/p')
for symbols in GLIBCXX GLIBC_; do # of ONNX Runtime and of the program: the audit has seen both
	case $audited in *"$symbols"*) ;; *) platform="" ;; esac
done
if [ -z "$platform" ]; then
	echo "wheel: auditwheel names no platform: $audited" >&2
	exit 1
fi

rm -f dist/ptyx-*.whl
PTYX_PLATFORM=$platform pack "$build/wheel"
megabytes=$(($(cat "$build"/wheel/*.whl | wc -c) / 1000000))
if [ "$megabytes" -gt 90 ]; then
	echo "wheel: $megabytes MB, expected 90 at most" >&2
	exit 1
fi
mv "$build"/wheel/*.whl dist
echo "wheel: $(ls dist/ptyx-*.whl), $megabytes MB"
