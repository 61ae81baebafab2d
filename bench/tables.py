"""results.md: the figures as tables."""

import textwrap


def page(record):
    parts = [HEAD, machine(record["machine"])]
    sections = record["sections"]
    for names, write in WRITERS.items():
        found = [sections[name] for name in names.split() if name in sections]
        if found:
            parts.append(write(sum(found[1:], found[0]), sections))
    return "\n".join(parts)


HEAD = """# ptyx compared with its peers

`make bench-peers` writes this page; [docs/dev/performance.md](../docs/dev/performance.md) explains the figures. Times
are medians of rounds in which the programs take turns, with the fastest and the slowest round in brackets. A ratio is
the median over rounds: above 1, ptyx is faster. **Bar**: what ptyx must reach; **aim**: what it should reach.
"""


def machine(m):
    versions = ", ".join(f"{name} {version}".replace("ptyx ptyx", "ptyx") for name, version in m["versions"].items())
    return wrapped(f"{m['processor']}, {m['cores']} cores, {m['memory_gb']} GB, {m['system']} {m['architecture']}; "
                   f"{', '.join(m['flags'])}. {versions}.").removesuffix("\n")


def section(title, *paragraphs):
    """A heading and its paragraphs, wrapped for Markdown; what follows goes after a blank line."""
    return f"## {title}\n\n" + "".join(wrapped(p) for p in paragraphs)


def wrapped(paragraph):
    return textwrap.fill(paragraph, 118, break_long_words=False, break_on_hyphens=False) + "\n\n"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def agreement(results, _):
    text = section("The same numbers", "All programs process the same weights and patterns. The table lists the "
                   "largest difference from the result of ptyx.")
    rows = [(f"N={r['n']}, batch {r['batch']}", row["who"], row["what"], f"{row['difference']:.1e}",
             f"{row['bound']:g}", "yes" if row["ok"] else "**no**")
            for r in results for row in r["rows"]]
    counts = ", ".join(f"{r['parameters']:,} at N={r['n']}" for r in results)
    return text + table(["what", "who", "compared", "difference", "at most", "agrees"],
                        rows) + f"\nParameters, the same on both sides: {counts}.\n"


def time_of(c, scale=1e3, digits=1):
    return f"{scale * c['median']:.{digits}f} ({scale * c['min']:.{digits}f} .. {scale * c['max']:.{digits}f})"


def mark(verdict):
    words = {"missed": "**missed**", "short": "below the aim", "bar": "bar reached", "aim": "aim reached"}
    return words.get(verdict, "")


def bars(r, suffix="x"):
    return " / ".join("-" if mark is None else f"{mark:g}{suffix}"
                      for mark in (r["bar"], r["aim"])) if r["bar"] or r["aim"] else ""


def turns(title, note, rows, limit, kind):
    text = section(title, note)
    head = ["N", "batch", "threads", "against", "ptyx, ms", "peer, ms", "ratio", "bar / aim", ""]
    body = []
    for row in rows:
        for r in row["ratios"]:
            body.append((row["n"], row["batch"], row["threads"],
                         f"{r['against']}: {r['peer']}" if r["against"] != r["peer"] else r["peer"],
                         time_of(row["contenders"]["ptyx"]), time_of(row["contenders"][r["peer"]]),
                         f"{r['median']:.2f} ({r['min']:.2f} .. {r['max']:.2f})", bars(r), mark(r["verdict"])))
    text += table(head, body) + "\nAll of them, ms:\n\n"
    names = list(rows[0]["contenders"])
    text += table(["N", "batch", "threads", *names], [
        (row["n"], row["batch"], row["threads"], *(f"{1e3 * row['contenders'][name]['median']:.1f}" for name in names))
        for row in rows])
    text += "\nTime until the first step can run (session, graph or compilation), s:\n\n"
    text += table(["N", "batch", "threads", *names], [
        (row["n"], row["batch"], row["threads"], *(f"{row['contenders'][name]['build']:.2f}" for name in names))
        for row in rows])
    return text + achieved(rows, limit, kind)


def achieved(rows, limit, kind):
    """The share of the machine's matrix products that the steps reach."""
    if limit is None:
        return ""
    body = []
    for row in rows:
        ours = row["contenders"]["ptyx"]["median"]
        rate = limit["flops_per_pattern"][str(row["n"])][kind] * row["batch"] / ours / 1e9
        products = limit["gflops"].get(str(row["threads"]), {})
        best = {name: sorted(rates)[len(rates) // 2] for name, rates in products.items()}
        body.append((row["n"], row["batch"], row["threads"], f"{rate:.0f}",
                     *(f"{v:.0f} ({rate / v:.0%})" for v in best.values())))
    names = list(next(iter(limit["gflops"].values())))
    return ("\n" + wrapped("ptyx and the physical limit: GFLOP/s by the textbook's convolution, and those of the "
                           "machine's large matrix products. Winograd's algorithm needs fewer operations than are "
                           "counted, so a step may exceed 100%.")
            + table(["N", "batch", "threads", "ptyx", *names], body))


def training(rows, sections):
    note = ("A step fills the batch, runs the forward and backward pass, and applies Adam. It has PtychoPINN's "
            "network at its default width (`--network pattern`, the probe fixed), the physics and the Poisson "
            "loss. PyTorch runs in four variants; the fastest counts.")
    return turns("Training step", note, rows, sections.get("limit"), "training")


def inference(rows, sections):
    note = "One run of the same network on patterns in memory. ptyx runs through its runtime package."
    return turns("Inference", note, rows, sections.get("limit"), "inference")


def session(r, _):
    return (section("A complete scan", f"`ptyx infer` on {r['patterns']} patterns as a process (start, loading, "
                    f"network, stitching, pictures), and the bare session on the same patterns; batch {r['batch']}, "
                    f"{r['threads']} threads. The ratio is the time of the process over that of the session.")
            + table(["process, s", "bare session, s", "process / session", "bar / aim", ""],
                    [(time_of(r["whole"], 1, 3), time_of(r["bare"], 1, 3),
                      f"{r['median']:.3f} ({r['min']:.3f} .. {r['max']:.3f})",
                      f"at most {bars(r)}", mark(r["verdict"]))]))


def whole(rows, _):
    return "## Complete commands\n\nPtychoPINN takes 60.5 s for the seed workload on two cores.\n\n" + table(
        ["what", "s", "bar / aim, s", "", "peak memory, MB"],
        [(r["what"], time_of(r, 1, 3), bars(r, ""), mark(r["verdict"]), f"{r['megabytes']:.0f}") for r in rows])


def memory(rows, _):
    return "## Peak memory of a training\n\nComplete processes, two threads.\n\n" + table(
        ["what", "MB", "bar / aim, MB", ""],
        [(r["what"], f"{r['megabytes']:.0f}", bars(r, ""), mark(r["verdict"])) for r in rows])


def growth(g, _):
    text = ("## Cost as work grows\n\n`ptyx infer` as a process with the default network, from the file to the "
            "pictures.\n\n") + table(
        ["patterns", "what", "s", "ms per pattern", "peak memory, MB", "bar / aim, MB", ""],
        [(f"{r['patterns']:,}", r["what"], f"{r['seconds']:.2f}", f"{1e3 * r['seconds'] / r['patterns']:.2f}",
          f"{r['megabytes']:.0f}", bars(r, ""), mark(r["verdict"]))
         for r in g["rows"]])
    line = g["linear"]
    return text + (f"\nThe time of a further pattern differs by {line['departure']:.1%} from the smallest to the "
                   f"largest scan (bar: {line['bar']:.0%}): {mark(line['verdict'])}.\n")


WRITERS = {
    "training64 training128": training, "inference": inference, "session": session, "whole": whole, "memory": memory,
    "growth": growth, "agreement": agreement,
}
