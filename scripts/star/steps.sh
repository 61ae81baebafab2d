# What star.sh and nanoprobe.sh share. They set python, the interpreter, and out, the directory of their files.
mkdir -p "$out/seconds"

say() { printf '\n== %s\n' "$*"; }

# timed NAME COMMAND: runs a command of ptyx, and keeps its seconds.
timed() {
	step=$1
	shift
	"$python" scripts/star/timed.py "$out/seconds/$step.json" bin/ptyx "$@"
}
