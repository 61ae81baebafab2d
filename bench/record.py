"""The figures of the sections: NAME.json and NAME.md for this machine, NAME-PROCESSOR for another."""

import argparse
import datetime
import json
import re
import time
from pathlib import Path

import machine

SCANS = "scans and what the commands write"


def arguments(description, name, *, files=SCANS, quick="a little of everything"):
    """The parser of a script that measures ptyx and writes NAME.md and NAME.json. description is its docstring."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help=f"directory for {files}")
    parser.add_argument("--results", required=True, type=Path, help=f"directory for {name}.md and {name}.json")
    parser.add_argument("--quick", action="store_true", help=f"{quick}, written to --files instead of --results")
    return parser


def sections_of(parser, sections, scan, reference="objectGuess to compare with"):
    """Adds the arguments of a script with sections, some of which can run on a scan of the user. Returns them parsed,
    and the scan with its reference, or None. scan and reference say what both are."""
    parser.add_argument("--scan", type=Path, help=f"{scan}; needs --reference")
    parser.add_argument("--reference", type=Path, help=reference)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=sections, help="sections to run")
    args = parser.parse_args()
    if bool(args.scan) != bool(args.reference):
        parser.error("--scan and --reference go together: the quality is the agreement of the two")
    return args, (args.scan.resolve(), args.reference.resolve()) if args.scan else None


def run(bench, results, name, description, sections, chosen, page):
    """Runs the chosen sections. The others keep their figures."""
    before = kept(results, name, description)
    record = {"machine": description, "taken": before.get("taken", {}), "sections": before.get("sections", {})}
    for section in chosen:
        start = time.perf_counter()
        # JSON turns keys into strings: new figures pass through it to equal stored ones.
        record["sections"][section] = json.loads(json.dumps(sections[section](bench)))
        record["taken"][section] = taken(time.perf_counter() - start)
        print(f"-- {section}: {time.perf_counter() - start:.0f} s", flush=True)
        write(results / name, record, page)
    print(results / f"{name}.md")


def of_here(results, name):
    """Whether the stored record is of this processor."""
    record = read(results / name)
    return record is not None and record["machine"]["processor"] == machine.cpu_info()["model"]


def add(bench, results, name, sections, chosen, page):
    """Runs sections that need no other program, and adds them to the stored record.

    Returns False if there is none."""
    record = read(results / name)
    if record is None:
        return False
    version = machine.output([bench.ptyx, "version"])
    for section in chosen:
        start = time.perf_counter()
        record["sections"][section] = json.loads(json.dumps(sections[section](bench)))
        record["taken"][section] = taken(time.perf_counter() - start) | {"by": version}
        write(results / name, record, page)
    print(results / f"{name}.md")
    return True


def taken(seconds):
    """The date of a measurement that ends now, and its minutes: for docs/claims.md."""
    return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "minutes": round(seconds / 60, 1)}


def kept(results, name, description):
    """The stored record of this machine, under either name. Frees the place of NAME for it.

    Figures of the same processor with other versions do not count, and are replaced."""
    here, own = results / name, results / f"{name}-{slug(description)}"
    before = read(here)
    if before and slug(before["machine"]) != slug(description):
        move(here, results / f"{name}-{slug(before['machine'])}")
        before = None
        if read(own):
            move(own, here)
            before = read(here)
    return before if before and before["machine"] == description else {}


def slug(description):
    """A processor as part of a file name: AMD EPYC is amd-epyc."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\(\w+\)", "", description["processor"].lower())).strip("-")


def read(path):
    file = path.with_name(path.name + ".json")
    return json.loads(file.read_text()) if file.exists() else None


def write(path, record, page):
    path.with_name(path.name + ".json").write_text(json.dumps(record, indent=1) + "\n")
    path.with_name(path.name + ".md").write_text(page(record))


def move(path, to):
    for suffix in (".json", ".md"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(to.with_name(to.name + suffix))
