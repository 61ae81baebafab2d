"""Figures of README.md and docs that come from the records bench/*.json: writes docs/claims.md, or checks it.

With --check, fails if a page states another figure than the record, or if docs/claims.md is not up to date. It needs
Python alone."""

import argparse
import json
import math
import os
import statistics
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/claims.md"


@dataclass(frozen=True)
class Claim:
    """A sentence or a row of a table, with {} in place of each figure, and the figures by the record."""

    page: str
    words: str
    record: str  # file in bench, without .json
    section: str
    figures: Callable[[dict], list[str]]

    def stated(self, sections):
        return self.words.format(*self.figures(sections[self.section]))


COMMANDS = {"which": "make which", "general": "make bench-general", "network": "make bench-network",
            "probes": "make bench-probes", "solvers": "make bench-solvers", "results": "make bench-peers",
            "serving": "make bench-serve", "star": "make star", "nanoprobe": "make nanoprobe"}


def solver_of_which(rows):
    """The extremes, over cells of 64 pixels that overlap, of the solver's median correlations and seconds."""
    cells = {}
    for row in rows:
        if row["n"] == 64 and row["step"] <= 0.5:
            cells.setdefault((row["photons"], row["step"]), []).append(row["found"]["solver"])
    correlations = [statistics.median(f["correlation"] for f in cell) for cell in cells.values()]
    seconds = [statistics.median(f["seconds"] for f in cell) for cell in cells.values()]
    return [f"{min(correlations):.2f}", f"{max(correlations):.2f}", f"{math.floor(min(seconds))}",
            f"{math.ceil(max(seconds))}"]


def gaussian(photons):
    """Correlations with the guessed and the true probe."""
    def figures(rows):
        row = next(r for r in rows if r["optic"] == "gaussian" and r["photons"] == photons)
        return [f"{row['guessed']:.3f}", f"{row['true']:.3f}"]
    return figures


def race(number):
    """Seconds of ptyx and pty-chi until the same correlation."""
    def figures(part):
        row = part["rows"][number]
        return [f"{row['ours']['median']:.1f}", f"{row['loop']['median']:.1f}"]
    return figures


# Rows of docs/solve.md, and what solvers.json calls them.
HARD = {
    "positions, by 7 pixels RMS, with `--modes 3 --positions`": "positions wrong by 7 pixels RMS",
    "the sign of the probe's defocus": "defocus of the wrong sign",
    "a probe of a third of the width": "probe of a third of the width",
    "a probe of three times the width": "probe of three times the width",
    "10² photons a pattern": "10^2 photons",
    "10⁹ photons a pattern": "10^9 photons",
    "half of the patterns dark": "half of the patterns dark",
    "20 hot pixels without a mask": "20 hot pixels without a mask",
}


def hard(what):
    """Residual and correlation of a hard start."""
    def figures(rows):
        row = next(r for r in rows if r["what"] == what)
        return [f"{row['residual']:.4f}", f"{row['correlation']:.3f}"]
    return figures


OPTIONS = [
    "light that flickers by 20%", "a probe that goes through focus", "a second mode with a fifth of the light",
    "a background of 5% of the mean intensity", "10³ photons a pattern", "10² photons a pattern, and the true probe",
    "30 patterns of 10⁴ photons", "steps of the probe's width", "positions wrong by up to a pixel",
]


def option(what):
    """Correlations without and with an option."""
    def figures(rows):
        row = next(r for r in rows if r["what"] == what.translate(str.maketrans({"²": "^2", "³": "^3", "⁴": "^4"})))
        return [f"`{row['flags']}`", *(f"{row[name]['correlation']:.3f}" for name in ("without", "with"))]
    return figures


def memory(what):
    return lambda rows: [f"{next(r for r in rows if r['what'] == what)['megabytes'] / 1000:.2f}"]


def growth(part):
    rows = part["rows"][:3]
    return [*(f"{1000 * r['seconds'] / r['patterns']:.1f}" for r in rows), *(f"{r['megabytes']:.0f}" for r in rows)]


def served(part):
    row = next(r for r in part["rows"] if r["server"] == "ptyx serve" and r["clients"] == 64)
    return [f"{row['per_second']['median']:.0f}", f"{row['share']['median']:.2f}", f"{row['p50']['median']:.2f}",
            f"{row['p99']['median']:.2f}"]


def star_training(found):
    return [f"{found['seconds']['train']:.0f}"]


def star_correlations(*names):
    return lambda found: [f"{found[name]['correlation']:.3f}" for name in names]


def of_step(step, *parts):
    """The median correlations at a step of the scan in pixels: of a section, or of its named parts."""
    def figures(section):
        tables = [section[part] for part in parts] or [section]
        rows = [next(r for r in table if r["step"] == step) for table in tables]
        return [f"{row['correlation']['median']:.3f}" for row in rows]
    return figures


# Rows of docs/general.md, and their steps in pixels.
UNTRAINED = {"blobs, probe 20 pixels wide, 1e6 photons, step 8 pixels": 8, "the same, step 14": 14,
             "the same, step 20": 20, "the same, step 28": 28}

CLAIMS = [
    Claim("README.md", "The training took {} s of processor time", "star", "star", star_training),
    Claim("README.md", "The complex correlation is {}.", "star", "star", star_correlations("network")),
    Claim("README.md", "on the star, where `solve` reaches {}.", "star", "star",
          lambda found: [f"{found['solver']['correlation']:.2f}"]),
    Claim("docs/results.md", "in {} s of processor time, {} s of them for the training", "star", "star",
          lambda found: [f"{found['all_seconds']:.0f}", *star_training(found)]),
    Claim("docs/results.md", "the network of 15 epochs has a correlation of {}, and `ptyx solve` {}", "star", "star",
          star_correlations("network", "solver")),
    Claim("docs/results.md",
          "agree with the corrected ones to {} pixels RMS after an affine map. Without the map it is {}",
          "nanoprobe", "nanoprobe", lambda found: [f"{found['positions'][name]:.1f}"
                                                   for name in ("found_after_affine", "found")]),
    Claim("docs/results.md", "without training, has a correlation of {} with", "nanoprobe", "nanoprobe",
          star_correlations("general")),
    Claim("README.md", "`ptyx solve`: {} to {} in {} to {} s for 250 patterns", "which", "rows", solver_of_which),
    *(Claim("docs/general.md", f"| {row} | {{}} |", "general", "untrained", of_step(step))
      for row, step in UNTRAINED.items()),
    Claim("docs/general.md", "delivered probe, calibrated | {} |", "general", "own",
          lambda rows: [f"{rows[0]['correlation']:.3f}"]),
    Claim("docs/general.md", "the same with `--refine 1` | {} |", "general", "own",
          lambda rows: [f"{rows[1]['correlation']:.3f}"]),
    Claim("docs/general.md", "| blobs, step 8 | {} |", "general", "tuned", of_step(8, "tuned")),
    Claim("docs/general.md", "| step 14 | {} |", "general", "tuned", of_step(14, "tuned")),
    Claim("docs/general.md", "| step 20 | {} | {} |", "general", "tuned", of_step(20, "tuned", "refined")),
    Claim("docs/general.md", "| step 28 | {} | {} |", "general", "tuned", of_step(28, "tuned", "refined")),
    Claim("docs/general.md", "probe out of focus, step 20 | | {} |", "general", "tuned", of_step(20, "unseen")),
    Claim("docs/general.md", "| the same, step 28 | | {} |", "general", "tuned", of_step(28, "unseen")),
    Claim("docs/solve.md", "{} instead of {} at 10⁶ photons", "probes", "size128", gaussian("1e6")),
    Claim("docs/solve.md", "{} instead of {} at 10⁷", "probes", "size128", gaussian("1e7")),
    Claim("docs/solve.md", "`ptyx solve` | 0.96 | {} s | {} s", "solvers", "solve", race(0)),
    Claim("docs/solve.md", "0.984 | {} s | {} s", "solvers", "solve", race(1)),
    Claim("docs/solve.md", "`ptyx refine` | 0.96 | {} s | {} s", "solvers", "refine", race(0)),
    *(Claim("docs/solve.md", f"| {row} | {{}} | {{}} |", "solvers", "hard", hard(what)) for row, what in HARD.items()),
    *(Claim("docs/solve.md", f"| {row} | {{}} | {{}} | {{}} |", "solvers", "options", option(row)) for row in OPTIONS),
    Claim("docs/scaling.md", "64 clients, one pattern per request | {} requests/s, {} of the session; half of them "
          "within {} s, 99% within {} s", "serving", "requests", served),
    Claim("docs/scaling.md", "the bare session, 64 × 64 pixels, two threads | {} patterns/s", "serving", "requests",
          lambda part: [f"{part['session']['median']:.0f}"]),
    Claim("docs/scaling.md", "on the canvas | | {} frames/s", "serving", "frames",
          lambda rows: [f"{rows[0]['per_second']['median']:.0f}"]),
    Claim("docs/scaling.md", "the same, 128 × 128 pixels | | {} frames/s", "serving", "frames",
          lambda rows: [f"{rows[1]['per_second']['median']:.0f}"]),
    Claim("docs/dev/performance.md", "a complete `ptyx infer`, compared with the bare session | {} times its time",
          "results", "session", lambda part: [f"{part['median']:.2f}"]),
    Claim("docs/dev/performance.md", "peak memory of training at batch 16, PtychoPINN's network | {} GB",
          "results", "memory", memory("ptyx train, N=64, batch 16")),
    Claim("docs/dev/performance.md", "516, 5 160 and 51 600 patterns of one object | {}, {} and {} ms each; {}, {} and "
          "{} MB", "results", "growth", growth),
]

HEAD = """# Claims

Figures that README.md and these pages state and that a command of bench records, with the machine, the date and the
command. `make claims` writes this page from bench/*.json. `make site` fails if a page states another figure than the
record. Minutes are those of the part of the command; a dash means that an earlier version did not record them.

Not listed are pages that a command writes as a whole: [which.md](which.md), [gallery.md](gallery.md),
[troubleshooting.md](troubleshooting.md), the marked tables of [results.md](results.md), and those of bench. Other
figures of results.md, and [dev/decisions.md](dev/decisions.md), are single runs without a record here.

| figure | page | command | part | date | minutes | machine |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page(records):
    """The text of docs/claims.md."""
    rows, machines = [], []
    for claim in CLAIMS:
        record = records[claim.record]
        described = machine(record["machine"])
        if described not in machines:
            machines.append(described)
        taken = record["taken"][claim.section]
        link = os.path.relpath(ROOT / claim.page, PAGE.parent)
        stated = claim.stated(record["sections"]).replace(" | ", "; ").replace("; |", ";")  # no cell of its own
        rows.append(f"| {stated} | [{claim.page}]({link}) | "
                    f"`{COMMANDS[claim.record]}` | {claim.section} | {taken['date']} | {taken.get('minutes', '–')} | "
                    f"{machines.index(described) + 1} |")
    listed = "\n".join(f"{number}. {text}" for number, text in enumerate(machines, 1))
    return HEAD + "\n".join(rows) + f"\n\n## Machines\n\n{listed}\n"


def machine(found):
    """The processor and the versions, as an item of a list."""
    versions = ", ".join(f"{name} {version.removeprefix('ptyx ')}" for name, version in found["versions"].items())
    text = f"{found['processor']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}; {versions}"
    return textwrap.fill(text, 110).replace("\n", "\n   ")


def load(name):
    record = json.loads((ROOT / "bench" / f"{name}.json").read_text())
    return {"sections": {"rows": record["rows"]}, **record} if "rows" in record else record


def wrong(records):
    """What pages state otherwise than the records."""
    for claim in CLAIMS:
        stated = claim.stated(records[claim.record]["sections"])
        if stated not in " ".join((ROOT / claim.page).read_text().split()):
            yield f"{claim.page} does not state what bench/{claim.record}.json records: {stated}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    args = parser.parse_args()
    records = {name: load(name) for name in COMMANDS}
    faults = list(wrong(records))
    if not args.check:
        PAGE.write_text(page(records))
    elif PAGE.read_text() != page(records):
        faults.append("docs/claims.md differs from the records: make claims writes it")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
