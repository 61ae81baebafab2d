#!/bin/sh
# Every fuzz target of the module in turn, each for the given time: sh scripts/fuzz.sh [30s]
# What a target finds is kept by Go under its package's testdata/fuzz and runs as a regression case of `make test`.
set -eu
# Short minimising: for a minute it would try to shorten each input that reaches new code, and try nothing new.

time=${1:-30s}
for file in $(grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort); do
	package=$(dirname "$file")
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s "$package"
	done
done
