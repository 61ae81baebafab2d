"""solvers.md: the figures of the solvers as tables."""

from tables import machine, mark, section, table, time_of, wrapped


def page(record):
    parts = [HEAD, machine(record["machine"])]
    parts += [write(record["sections"][name]) for name, write in WRITERS.items() if name in record["sections"]]
    return "\n".join(parts)


HEAD = """# ptyx solve compared with pty-chi

`make bench-solvers` writes this page; [docs/solve.md](../docs/solve.md) explains the comparison. pty-chi runs its LSQML
with its defaults: batches of 32, 60 passes. Scan, probe and number of threads are the same, and it uses the fastest of
three ways to use threads. Times of races are medians of rounds in which the two take turns, with the fastest and the
slowest in brackets. **Correlation**: complex, by `ptyx eval`. **Half-bit**: the frequency, in cycles/pixel, at which
the Fourier ring correlation with the truth falls below the half-bit curve; 0.5 is the highest possible.
"""

RACE = ["to", "ptyx solve or refine, the process, s", "pty-chi without its start, s", "pty-chi, the process, s",
        "times as fast", "bar / aim", "", "passes", "correlation"]


def races(rows):
    body = []
    for r in rows:
        if "missing" in r:
            body.append((r["what"], *[""] * 5, f"{mark(r['verdict'])} not reached by {r['missing']}", "", ""))
            continue
        bars = " / ".join("-" if v is None else f"{v:g}x" for v in (r["bar"], r["aim"])) if r["bar"] else ""
        body.append((r["what"], time_of(r["ours"], 1, 2), time_of(r["loop"], 1, 2), time_of(r["whole"], 1, 2),
                     f"{r['median']:.2f} ({r['min']:.2f} .. {r['max']:.2f})", bars, mark(r["verdict"]),
                     "{} / {}".format(*r["passes"]), " / ".join(f"{q['correlation']:.4f}" for q in r["quality"])))
    return table(RACE,
                 body) + "\n" + wrapped("'Times as fast' compares the process of ptyx with "
                                        "pty-chi without the start of Python and its packages.").removesuffix("\n")


def solve(s):
    return (section("From nothing", f"The probe is as delivered. pty-chi's fastest way: {s['way']}.") + races(s["rows"])
            + f"\nFourier residual sum (|F| - d)^2 / sum d^2 at the end: ptyx {s['residuals']['ptyx']:.5f} after "
              f"{s['passes']} passes, pty-chi {s['residuals']['pty-chi']:.5f} after 60.\n")


def refine(s):
    return section("From a network's object", "`ptyx train` and `ptyx infer` start "
                   f"with a correlation of {s['start']:.4f}. pty-chi starts from nothing.") + races(s["rows"])


def found(name, f):
    return (f"{f['correlation']:.4f}", f"{f['half_bit']:.3f}")


def photons(rows):
    names = list(rows[0]["found"])
    head = ["object", "photons a pattern", *(f"{n}: correlation, half-bit" for n in names), "ptyx no worse"]
    body = [(r["object"] + (", probe out of focus" if r["defocused"] else ""), r["photons"],
             *(", ".join(found(n, r["found"][n])) for n in names), says(r)) for r in rows]
    return section("Few and many photons", "Simulated scans of 64 x 64 pixels with the truth, "
                   "and the defaults of both. The last column compares the first likelihood of "
                   "each, to 0.001 of the correlation and a ring of the half-bit frequency.") + table(head, body)


def says(r):
    return "yes" if r["verdict"] == "bar" else "**no**"


def positions(rows):
    return (section("Wrong positions", "Positions are wrong by up to a pixel along each axis, with 10^6 photons. "
                    "The table lists the root mean square error along an axis, without a common shift. Bar: 0.1 "
                    "pixel.")
            + table(["object", "given, pixels", "ptyx solve --positions", "", "pty-chi",
                     "correlation of ptyx, pty-chi"],
                    [(r["object"], f"{r['astray']:.3f}", f"{r['found']['ptyx']['astray']:.3f}", mark(r["verdict"]),
                      f"{r['found']['pty-chi']['astray']:.3f}",
                      f"{r['found']['ptyx']['correlation']:.4f}, {r['found']['pty-chi']['correlation']:.4f}")
                     for r in rows]))


def sizes(rows):
    head = ["N", "patterns", *(f"{n}: correlation, half-bit, s, MB" for n in rows[0]["found"]), "ptyx no worse"]
    body = [(r["n"], r["patterns"], *(", ".join((*found(n, f), f"{f['seconds']:.1f}", f"{f['memory'] / 1e6:.0f}"))
                                      for n, f in r["found"].items()), says(r)) for r in rows]
    return section("Larger patterns", "The same defaults. Seconds are of one run each: ptyx as "
                   "a process, pty-chi without its start.") + table(head, body)


def hard(rows):
    return section("Hard starts", "ptyx solve with its defaults on 144 patterns of 64 x 64 pixels of blobs. None of "
                   "the runs ends in an error or in numbers that are not finite.") + table(
        ["what is wrong", "residual", "passes", "correlation with the truth"],
        [(r["what"], f"{r['residual']:.5f}", r["passes"], f"{r['correlation']:.4f}") for r in rows])


def places(rows):
    return section("Positions that are badly wrong", "Errors along an axis, pixels RMS, of 144 patterns of 128 x 128 "
                   "pixels with 10^6 photons, a probe of 40 pixels and an overlap of 80%. The backlash is that of a "
                   "raster, all others are spirals.") + table(
        ["object", "error", "given, pixels", "ptyx solve --positions", "bar", ""],
        [(r["object"], r["what"], f"{r['given']:.3f}", f"{r['found']:.3f}", r["bar"], mark(r["verdict"]))
         for r in rows])


def options(rows):
    def both(row, key, digits):
        return " / ".join(f"{row[name][key]:.{digits}f}" for name in ("without", "with"))
    return section("Options", "ptyx solve on 120 patterns of 64 x 64 pixels of blobs with 10^6 photons each, unless "
                   "stated otherwise, first without the option, then with it. Seconds are processor time of the "
                   "process.") + table(
        ["what the scan has", "option", "correlation with the truth", "residual", "passes", "seconds"],
        [(r["what"], f"`{r['flags']}`", both(r, "correlation", 4), both(r, "residual", 5), both(r, "passes", 0),
          both(r, "processor", 1)) for r in rows])


def large(rows):
    return section("Large scans", "Patterns of 64 x 64 pixels in four rows, read from disk in each pass "
                   "(--memory-limit 1), in batches of an eighth of the scan. The processor time of a pattern may grow "
                   "by 10%. Memory is the peak of the process.") + table(
        ["patterns", "object, pixels", "a pass, s", "a pattern and pass, ms", "memory, MB", ""],
        [(r["patterns"], "{} x {}".format(*r["object"]), f"{r['pass']:.2f}", f"{r['ms']:.3f}",
          f"{r['bytes'] / 1e6:.0f}", mark(r["verdict"])) for r in rows])


def tiles(s):
    share = s["share"]
    return section("Many machines", f"`ptyx solve --nats` on {s['patterns']} patterns in {s['tiles']} tiles, 30 "
                   "passes, on workers that are pinned to a core each. The broker and `ptyx solve` use the same cores.",
                   f"A round of five passes takes {share['workers']:.2f} s of processor time in the workers, "
                   f"{share['solve']:.3f} s in `ptyx solve`, and {share['broker']:.3f} s in the broker. From these "
                   "comes the calculated efficiency, for workers with a core each and broker and `ptyx solve` beside "
                   "them. The scan grows with the workers, who wait while `ptyx solve` computes.") + table(
        ["workers", "seconds", "efficiency"],
        [(r["workers"], f"{r['seconds']:.1f}" if "seconds" in r else "calculated", f"{r['efficiency']:.2f}")
         for r in s["rows"] + s["paper"]])


WRITERS = {"solve": solve, "refine": refine, "photons": photons, "positions": positions, "sizes": sizes,
           "hard": hard, "places": places, "options": options, "large": large, "tiles": tiles}
