#!/bin/sh
# Builds one file that needs no installed library: ptyx with ONNX Runtime and HDF5 inside (internal/base/bundled).
#
#   sh scripts/dist.sh          writes dist/ptyx-linux-ARCH and its checksum, and runs it if this machine can
set -eu

go=${GO:-go}
arch=${GOARCH:-$($go env GOARCH)}
if [ "$($go env GOOS)" != linux ]; then
	echo "dist: a library is loaded from memory on Linux only; elsewhere copy bin/ptyx and lib" >&2
	exit 1
fi

libraries=lib
[ "$arch" = "$($go env GOHOSTARCH)" ] || libraries=lib/$arch
GOARCH= $go run ./scripts/fetchlib -dir "$libraries" -os linux -arch "$arch"

# The input of go:embed: a folder a library. A number before each name puts the libraries that it needs first.
files=internal/base/bundled/files
rm -rf "$files"
trap 'rm -rf "$files"' EXIT
mkdir -p "$files/libonnxruntime" "$files/libhdf5"
cp -L "$libraries/libonnxruntime.so" "$files/libonnxruntime/9-libonnxruntime.so"
number=1
# The lines after the first of its stamp, in reverse, are the libraries that HDF5 needs, in the order of loading.
reverse='{ line[NR] = $2 } END { for (i = NR; i > 0; i--) print line[i] }'
for needed in $(sed 1d "$libraries/VERSION-HDF5" | awk "$reverse"); do
	cp "$libraries/$needed" "$files/libhdf5/$number-$needed"
	number=$((number + 1))
done
cp -L "$libraries/libhdf5.so" "$files/libhdf5/9-libhdf5.so"

mkdir -p dist
out=dist/ptyx-linux-$arch
GOOS=linux GOARCH=$arch CGO_ENABLED=1 $go build -trimpath -tags bundled -ldflags '-s -w' -o "$out" ./cmd/ptyx
(cd dist && sha256sum "ptyx-linux-$arch" > "ptyx-linux-$arch.sha256")
echo "dist: $out, $(($(wc -c < "$out") / 1000000)) MB"

if [ "$arch" = "$($go env GOHOSTARCH)" ]; then
	sh scripts/dist-check.sh "$out"
else
	echo "dist: not tried, this machine runs no $arch code"
fi
