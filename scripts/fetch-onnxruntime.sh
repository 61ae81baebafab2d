#!/bin/sh
# Obtains the pinned ONNX Runtime library into lib/, from the Python package index by pip, or from the npm registry by npm
# where there is no pip. The package's SHA-256 is compared with scripts/onnxruntime.sums. A second call does nothing.
#
#   sh scripts/fetch-onnxruntime.sh [DIRECTORY]     (default: lib)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=${1:-lib}
sums=$here/onnxruntime.sums
os=$(uname -s | tr '[:upper:]' '[:lower:]')
arch=$(uname -m)

fail() {
	echo "fetch-onnxruntime: $1" >&2
	exit 1
}

row() { # row PACKAGE: version, platform tag, sum and library of this machine
	awk -v os="$os" -v arch="$arch" -v package="$1" \
		'$1 == os && $2 == arch && $3 == package { print $4, $5, $6, $7; exit }' "$sums"
}

checksum() {
	if command -v sha256sum >/dev/null 2>&1; then
		sha256sum "$1" | cut -d' ' -f1
	else
		shasum -a 256 "$1" | cut -d' ' -f1
	fi
}

if python3 -m pip --version >/dev/null 2>&1; then
	package=pip
elif command -v npm >/dev/null 2>&1; then
	package=npm
else
	fail "found neither pip nor npm, expected one of them to obtain ONNX Runtime; install one, or put libonnxruntime into $target/ by hand"
fi

set -- $(row $package)
[ $# -eq 4 ] || fail "found $os $arch, expected a platform listed in scripts/onnxruntime.sums; put libonnxruntime into $target/ by hand"
version=$1 tag=$2 sum=$3 inside=$4
library=$target/$(basename "$inside")

if [ -f "$target/VERSION" ] && [ -f "$library" ] && [ "$(cat "$target/VERSION")" = "$version $sum" ]; then
	exit 0
fi

mkdir -p "$target"
work=$(mktemp -d "$target/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

echo "obtaining ONNX Runtime $version by $package" >&2
case $package in
pip)
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
		--implementation cp --python-version 3.12 --abi cp312 --platform "$tag" \
		--dest "$work" "onnxruntime==$version" >&2 || fail "pip could not obtain onnxruntime $version; is there a way to a package index?"
	file=$(ls "$work"/onnxruntime-*.whl)
	;;
npm)
	(cd "$work" && npm pack --silent "onnxruntime-node@$version" >/dev/null) || fail "npm could not obtain onnxruntime-node $version; is there a way to a registry?"
	file=$(ls "$work"/onnxruntime-node-*.tgz)
	;;
esac

found=$(checksum "$file")
[ "$found" = "$sum" ] || fail "$(basename "$file"): found SHA-256 $found, expected $sum; the package was changed on its way, nothing was installed"

case $package in
pip) python3 -m zipfile -e "$file" "$work/x" ;;
npm) mkdir "$work/x" && tar -xzf "$file" -C "$work/x" "$inside" ;;
esac
chmod 755 "$work/x/$inside"
mv "$work/x/$inside" "$library"
echo "$version $sum" >"$work/VERSION"
mv "$work/VERSION" "$target/VERSION"
