#!/bin/sh
# Prints the path of tike's source archive in the directory, which it obtains first if it is absent. pip refuses another
# archive than that of archive.txt.
#
#   sh scripts/star/archive.sh PYTHON DIRECTORY
set -eu

if ! [ -d "$2/archive" ]; then
	rm -rf "$2/part"
	"$1" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary tike --require-hashes \
		--requirement scripts/star/archive.txt --dest "$2/part" >&2
	mv "$2/part" "$2/archive"
fi
echo "$2"/archive/tike-*.tar.gz
