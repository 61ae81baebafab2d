"""Compares ptyx with other programs that run the same network, in turns on this machine.

    make bench-peers

Writes results.md and results.json. Sections that do not run keep their figures, if the machine is the same.
This process imports little: see command.timed."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import growth
import machine
import record
import steps
import tables
import whole
from material import Bench

HERE = Path(__file__).parent


def agreement(bench):
    """Compares the numbers of all programs, in a process of its own."""
    results = []
    for n, batch in ((64, 16), (128, 4)):
        if bench.quick and n != 64:
            continue
        numbers = bench.files / "numbers.npz"
        subprocess.run([bench.measure, "numbers", "-scan", bench.scan(n), "-model", bench.model(n), "-batch",
                        str(batch), "-out", numbers], check=True)
        result = program("agreement.py", "--scan", bench.scan(n), "--model", bench.model(n), "--numbers", numbers,
                         *(["--quick"] if bench.quick else []))
        for row in result["rows"]:
            print(f"{'ok  ' if row['ok'] else 'FAIL'}  N={n} {row['who']}: {row['what']} "
                  f"{row['difference']:.2g}, at most {row['bound']:g}", flush=True)
        results.append(result)
    return results


def limit(bench):
    """Matrix products, and the operations of a pattern by the textbook."""
    return program("limit.py", "--rounds", bench.rounds, "--threads", 1, 2, "--models", bench.model(64),
                   bench.model(128))


def program(script, *args):
    done = subprocess.run([sys.executable, "-B", HERE / script, *map(str, args)], check=True, stdout=subprocess.PIPE,
                          text=True)
    return json.loads(done.stdout)


SECTIONS = {
    "agreement": agreement,
    "limit": limit,
    "training64": lambda bench: steps.training(bench, 64),
    "training128": lambda bench: steps.training(bench, 128),
    "inference": steps.inference,
    "session": whole.against_session,
    "whole": whole.processes,
    "memory": growth.training,
    "growth": growth.inference,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--measure", required=True, type=Path, help="the program of bench/measure")
    parser.add_argument("--files", required=True, type=Path,
                        help="directory for scans, models and what the commands write")
    parser.add_argument("--results", required=True, type=Path, help="directory for results.md and results.json")
    parser.add_argument("--scan", type=Path, help="a scan of N = 64 in place of the simulated one")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="sections to run")
    parser.add_argument("--quick", action="store_true",
                        help="a little of everything, written to --files instead of --results")
    args = parser.parse_args()

    files = args.files.resolve() / ("quick" if args.quick else "")
    if args.scan:
        files = files / args.scan.stem
    bench = Bench(args.ptyx.resolve(), args.measure.resolve(), files, rounds=2 if args.quick else 5,
                  seconds=0.3 if args.quick else 1,
                  quick=args.quick, own_scan=args.scan.resolve() if args.scan else None)
    if args.quick and not args.only:
        args.only = [name for name in SECTIONS if name != "training128"]
    bench.make()
    results = bench.files if args.quick else args.results
    record.run(bench, results, "results", machine.describe(bench), SECTIONS, args.only or list(SECTIONS), tables.page)


if __name__ == "__main__":
    main()
