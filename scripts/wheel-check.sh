#!/bin/sh
# Installs the wheel as a user would: into a fresh environment, from a directory far from this one. First with numpy
# alone, then with what the tests and notebooks of python/ import.
#
#   sh scripts/wheel-check.sh PYTHON dist/ptyx-*.whl
set -eu

python=$1
wheel=$(realpath "$2")
checkout=$(pwd)
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
cd "$away"

fail() {
	echo "wheel-check: $1" >&2
	exit 1
}

"$python" -m venv fresh
fresh=$away/fresh/bin
install() { "$fresh/pip" install --quiet --disable-pip-version-check --no-compile "$@"; }
install "$wheel"
others=$("$fresh/pip" list --format=freeze --disable-pip-version-check |
	grep -vE '^(pip|setuptools|numpy|ptyx)==' || true)
[ -z "$others" ] || fail "it needs more than numpy: $others"
# Neither a library of this checkout nor a program of this machine may help.
alone() { env -i HOME="$away" PATH=/usr/bin:/bin "$@"; }
alone "$fresh/ptyx" doctor > doctor
grep -q 'the program itself' doctor || fail "the program uses another library than its own: $(cat doctor)"
alone "$fresh/python" - << 'END'
import ptyx

scan = ptyx.simulate(positions=64, step=6)
assert scan.validate().ok
result = ptyx.solve(scan, iterations=5)
assert ptyx.compare(result, scan).correlation > 0.9
assert "image/png" not in result._repr_mimebundle_()  # there is no matplotlib
assert result._repr_mimebundle_()["text/html"].count("<img") == 3
END

install --requirement "$checkout/python/tests/requirements.txt"
cp -R "$checkout/python/tests" "$checkout/python/pyproject.toml" "$checkout/scripts/star" .
alone "$fresh/python" -m pytest
alone "$fresh/python" "$checkout/python/reference.py" --check "$checkout/docs/python-api.md"
alone "$fresh/python" "$checkout/python/notebooks.py" "$checkout"/docs/notebooks/*.ipynb
echo "wheel-check: command, package, tests, reference and notebooks in a fresh environment"
