"""docs/which.md: which command to use for a scan, as tables."""

from statistics import median

from tables import machine, section, table, wrapped

EQUAL = 0.01  # ways whose correlations differ by at most this are equally good

HEAD = """# Which command for which scan

`make which` measures this page, see bench/which.py. The objects are a photograph, branching trees and veins, which no
training has seen. The probe is a zone plate's, given out of focus. Positions are a Fermat spiral.

WAYS
**Correlation**: complex, by `ptyx eval`, the median over objects and seeds. **Resolution**: the frequency in
cycles/pixel at which the Fourier ring correlation falls below the half-bit curve. Where the correlation is below 0.9,
it can be high although the object is wrong. Times are those of complete commands.

**Large steps.** If neighbours overlap by less than half of the probe's diameter, `ptyx solve` starts with the object of
the general network ([solve.md](solve.md#start)). For simulated blobs (a probe of 20 pixels, 10⁶ photons, 300 patterns),
the correlation is 0.978 instead of 0.870 at a step of 20 pixels, and 0.870 instead of 0.429 at 28. At 8 and 14 pixels,
both starts end alike.
"""

# What the ways are. A page lists those that were run.
MEANING = {
    "general": "`ptyx infer` with the general network, which has not seen the scan",
    "general, refine 3": "the same with `--refine 3`",
    "general, 3 epochs": "`ptyx train --max-epochs 3`, which starts with the general network, then `ptyx infer`",
    "trained": "`ptyx train --init none`, from random weights, then `ptyx infer`; 64 pixels, first seed alone",
    "solver": "`ptyx solve`",
    "pty-chi": "its LSQML with 60 passes, without the start of Python; 64 pixels, first seed alone",
}


def page(record):
    ways = record["ways"]
    head = HEAD.replace("WAYS", "".join(f"- *{way}*: {MEANING[way]}\n" for way in ways))
    parts = [head, extent(record["rows"]) + machine(record["machine"]) + "\n", best(record["rows"], ways)]
    for n in sorted({r["n"] for r in record["rows"]}):
        parts.append(size(n, [r for r in record["rows"] if r["n"] == n], ways))
    return "\n".join(parts)


def extent(rows):
    """What was run."""
    objects, seeds = (sorted({str(r[key]) for r in rows}) for key in ("object", "seed"))
    patterns = ", ".join(f"{r} x {r}" for r in sorted({r["n"] for r in rows}))
    return wrapped(f"This run: {len(rows)} scans; objects {', '.join(objects)}; seeds {', '.join(seeds)}; "
                   f"patterns of {patterns} pixels.")


def groups(rows):
    """The rows of each pair of photons and step, in their order."""
    found = {}
    for r in sorted(rows, key=lambda r: (float(r["photons"]), r["step"])):
        found.setdefault((r["photons"], r["step"]), []).append(r)
    return found


def middle(rows, way, key):
    return median(r["found"][way][key] for r in rows if r["found"].get(way))


def serving(rows, ways):
    """The ways that serve the rows, or those with the first seed."""
    return [w for w in ways if any(r["found"].get(w) for r in rows)]


def cell(rows, way, *forms):
    """Medians of a way, a key and a format each; a dash if it does not serve the rows."""
    if way not in serving(rows, [way]):
        return "-"
    return " / ".join(format(middle(rows, way, key), form) for key, form in forms)


def best(rows, ways):
    """For each kind of scan the best way, and the fastest one that is as good."""
    text = section("The best and the fastest", f"Fastest: the fastest of the ways whose correlation is at most {EQUAL} "
                   "below the best.")
    body = []
    for n in sorted({r["n"] for r in rows}):
        for (photons, step), group in groups([r for r in rows if r["n"] == n]).items():
            quality = {w: middle(group, w, "correlation") for w in serving(group, ways)}
            if not quality:
                continue
            top = max(quality.values())
            good = [w for w in quality if quality[w] >= top - EQUAL]
            fast = min(good, key=lambda w: middle(group, w, "seconds"))
            body.append((n, photons, step, max(quality, key=quality.get), f"{top:.3f}", fast, f"{quality[fast]:.3f}",
                         f"{middle(group, fast, 'seconds'):.1f}"))
    return text + table(["N", "photons", "step (probe widths)", "best", "correlation", "fastest", "correlation", "s"],
                        body)


def size(n, rows, ways):
    ways = serving(rows, ways)
    head = ["photons", "step (probe widths)", *ways]
    text = section(f"N = {n}", "Correlation / resolution / seconds.")
    figures = (("correlation", ".3f"), ("half_bit", ".2f"), ("seconds", ".1f"))
    body = [(photons, step, *(cell(group, w, *figures) for w in ways))
            for (photons, step), group in groups(rows).items()]
    text += table(head, body) + "\n" + wrapped("Correlation by object:")
    kinds = sorted({r["object"] for r in rows})
    body = []
    for (photons, step), group in groups(rows).items():
        for kind in kinds:
            of = [r for r in group if r["object"] == kind]
            if of:
                body.append((photons, step, kind, *(cell(of, w, ("correlation", ".3f")) for w in ways)))
    return text + table(["photons", "step", "object", *ways], body)
