#!/bin/sh
# Runs every fuzz target of the module, each for the given time: sh scripts/fuzz.sh [30s]
# Go stores a failing input under the package's testdata/fuzz, where `make test` runs it as a regression case.
set -eu
# Minimising is short: by default Go spends up to a minute on each input that reaches new code, and tries nothing new.

time=${1:-30s}
for file in $(grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort); do
	package=$(dirname "$file")
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s "$package"
	done
done
