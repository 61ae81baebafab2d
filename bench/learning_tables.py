"""network.md: the figures of the default network as tables."""

import math

from tables import machine, mark, section, table, time_of


def page(record):
    parts = [HEAD, machine(record["machine"])]
    parts += [write(record["sections"][name]) for name, write in WRITERS.items() if name in record["sections"]]
    return "\n".join(parts)


HEAD = """# The default network

`make bench-network` writes this page. Times are those of complete commands, medians of rounds with the fastest and the
slowest in brackets. **Correlation**: complex, by `ptyx eval`. Memory is the peak of the process.
"""


def marks(row):
    return " / ".join("-" if v is None else f"{v:.4g}" for v in (row["bar"], row["aim"]))


# Peak memory of a process, in MB, of patterns of 64 x 64 pixels.
MOST_TRAINING, MOST_INFERENCE = 300, 100


def megabytes(row, most=math.inf):
    """The peak memory, and whether it is above the bar."""
    found = row["memory"] / 1e6
    return f"{found:.0f}" if found <= most else f"{found:.0f} {mark('missed')}"


def quality(s):
    body = [(r["what"], time_of(r["seconds"], 1, 1), f"{r['correlation']:.4f}", f"{r['least']:g}", marks(r),
             mark(r["verdict"]), megabytes(r, MOST_TRAINING)) for r in s["rows"]]
    refined = s["refined"]
    return (section("Quality against time",
                    "`ptyx train`, the probe as delivered. The default starts with the general network.")
            + table(["training", "s", "correlation", "wanted", "bar / aim, s", "", f"MB, at most {MOST_TRAINING}"],
                    body)
            + f"\nThe default command, then `ptyx infer --refine 1`: {refined['correlation']:.4f} "
              f"{mark(refined['verdict'])} (bar / aim {marks(refined)}).\n")


def speed(rows):
    body = [(f"{r['n']} x {r['n']}", r["patterns"], time_of(r["seconds"], 1, 2), f"{r['rate']:.0f}", marks(r),
             mark(r["verdict"]), megabytes(r, MOST_INFERENCE if r["n"] == 64 else math.inf)) for r in rows]
    return (section("Speed", "`ptyx infer`: start, reading, network, stitching and pictures. At most, one "
                    f"pattern may take 0.2 s, and patterns of 64 x 64 pixels {MOST_INFERENCE} MB.")
            + table(["pattern", "patterns", "s", "patterns/s", "bar / aim", "", "MB"], body))


def probes(rows):
    body = [(r["probe"], f"{r['alone']:.4f}", f"{r['together']:.4f}", mark(r["verdict"])) for r in rows]
    return (section("Two probes in one training", "Simulated stars of 300 patterns, 12 epochs. The bar is 0.01 below "
                    "a training of its own, the aim is its equal. `ptyx infer --probe scan`.")
            + table(["probe", "alone", "together", ""], body))


def sigma(rows):
    kinds = list(rows[0]["scans"])
    body = [(f"{r['photons']:.0e}".replace("e+0", "e"), f"{100 * r['within']:.0f} %", mark(r["verdict"]),
             *(f"{100 * s['within']:.0f} %: {s['error']:.4f}, {s['sigma']:.4f}" for s in r["scans"].values()))
            for r in rows]
    return (section("Errors within one sigma", "Simulated scans of 300 patterns, the default training, `ptyx infer`. "
                    "The share of real and imaginary parts whose error is below `sigma` in `reconstruction.npz`, and "
                    "for each object the RMS of the errors and of sigma. Normally distributed errors give 68 %; the "
                    "bar is 65 to 71 %.")
            + table(["photons", "mean", "", *kinds], body))


WRITERS = {"quality": quality, "speed": speed, "probes": probes, "sigma": sigma}
