#!/bin/sh
# Fails on every tracked line of code or prose that is wider than 120 columns. A tab counts 4 columns.
# Rows of Markdown tables and lines of a single word, such as an address, are exempt.
#
#   sh scripts/lines.sh
set -eu
export LC_ALL=C.UTF-8 # a column is a character, not a byte

wide=$(git ls-files '*.go' '*.py' '*.md' '*.sh' '*.mk' Makefile .ci/run | while read -r file; do
	row='^$'
	case $file in *.md) row='^[0-9]*: *\|' ;; esac
	expand -t4 "$file" | grep -nE '.{121}' | grep -vE -e "$row" -e '^[0-9]*: *[^ ]+$' |
		sed "s|:.*||; s|^|$file:|"
done)
[ -z "$wide" ] || { printf '%s\n' "$wide"; echo "lines: wider than 120 columns" >&2; exit 1; }
