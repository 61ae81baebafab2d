"""general.md: the figures of the general network as tables."""

from tables import machine, mark, section, table, time_of

HEAD = """# The general network

`make bench-general` writes this page. **Correlation**: complex, by `ptyx eval`, the median, with the lowest and the
highest in brackets. Blobs: three seeds, a probe of 20 pixels, 10⁶ photons a pattern, 300 patterns, a Fermat spiral.
"""
LABELS = ["step, pixels", "correlation", "bar / aim", ""]


def page(found):
    parts = [HEAD, machine(found["machine"])]
    parts += [write(found["sections"][name]) for name, write in WRITERS.items() if found["sections"].get(name)]
    return "\n".join(parts)


def marks(row):
    return " / ".join("-" if v is None else f"{v:.3g}" for v in (row["bar"], row["aim"]))


def rows_of(rows):
    return table(LABELS, [(r["step"], time_of(r["correlation"], 1, 3), marks(r), mark(r["verdict"])) for r in rows])


def untrained(rows):
    return section("Without training", "`ptyx infer` on blobs.") + rows_of(rows)


def own(rows):
    body = [(f"`ptyx infer {r['flags']}`".replace(" `", "`"), f"{r['correlation']:.4f}", marks(r), mark(r["verdict"]),
             time_of(r["seconds"], 1, 2), "-" if r["limit"] is None else f"{r['limit']:g}", mark(r["time"]))
            for r in rows]
    return (section("A scan of your own", "Without training on it. ptyx calibrates the delivered probe.")
            + table(["command", "correlation", "bar / aim", "", "s", "bar, s", ""], body))


def tuned(found):
    return (section("Five epochs on the scan", "`ptyx train --max-epochs 5`, then `ptyx infer`, on blobs.")
            + rows_of(found["tuned"])
            + "\nThe same, and then `ptyx infer --refine 20`:\n\n" + rows_of(found["refined"])
            + "\nThe same on a photograph, trees and veins, of one seed each, with the probe given out of focus: the\n"
              "median of the three. No training has seen objects of these kinds. The bar is 0.03 below the blobs.\n\n"
            + rows_of(found["unseen"]))


WRITERS = {"untrained": untrained, "own": own, "tuned": tuned}
