"""The figures of the sections: NAME.json and NAME.md for this machine, NAME-PROCESSOR for another."""

import datetime
import json
import re
import time


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
