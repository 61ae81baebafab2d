"""The time of both solvers until the same quality: from nothing, and from a network's object."""

import time

from command import timed
from contender import PAUSE
from figures import ratio, spread, verdict
from solving import PASSES

QUALITY = 0.96  # complex correlation with the reference


def solve(bench):
    """From nothing, with the probe as delivered."""
    ours, theirs = ours_from_nothing(bench), theirs_from_nothing(bench)
    last = theirs.quality(PASSES)
    rows = []
    for what, level in ((f"a correlation of {QUALITY}", QUALITY),
                        (f"pty-chi's own after {PASSES} passes", last["correlation"])):
        rows.append(raced(bench, what, ours, ours.first(level), theirs, theirs.first(level), 1, 2))
    rows.append(raced(bench, "the end, by default", ours, PASSES, theirs, PASSES, 1, 2))
    residual, made = bench.residual(bench.scan)
    whole = bench.peer(bench.scan, "--residual")
    return {"rows": [r for r in rows if r], "way": bench.way,
            "residuals": {"ptyx": residual, "pty-chi": whole["residual"]}, "passes": made}


def refine(bench):
    """From an existing object of a network; pty-chi starts from nothing."""
    run, out = bench.files / "network", bench.files / "inferred"
    if not (run / "model.onnx").exists():
        timed([bench.ptyx, "train", "--train-data-file", bench.scan, "--output-dir", run, "--quiet",
               *(["--max-epochs", 2] if bench.quick else [])])
    timed([bench.ptyx, "infer", "--model-path", run, "--test-data", bench.scan, "--output-dir", out, "--quiet"])
    start = bench.judge(out / "reconstruction.npz", bench.reference)
    theirs = theirs_from_nothing(bench)

    def refined(passes):
        return bench.solve(bench.scan, "--recon", out / "reconstruction.npz", "--iterations", passes,
                           command="refine")[0]

    def both(_):
        return timed([bench.ptyx, "infer", "--model-path", run, "--test-data", bench.scan, "--output-dir",
                      bench.files / "ours", "--refine", 5,
                      "--threads", bench.threads, "--quiet"])[0]

    ours = Contestant(bench, refined)
    reached, needed = theirs.first(QUALITY), ours.first(QUALITY, 20)
    rows = [raced(bench, f"ptyx refine to a correlation of {QUALITY}", ours, needed, theirs, reached, 3, None),
            raced(bench, "ptyx infer --refine 5, all of it", Contestant(bench, both), 5, theirs, reached, None, None)]
    return {"rows": [r for r in rows if r], "way": bench.way, "start": start["correlation"]}


class Contestant:
    """A solver that makes a given number of passes, the same in every run."""

    def __init__(self, bench, run, found=None):
        self.bench, self.run, self.found, self.judged = bench, run, found, {}

    def quality(self, passes):
        if passes not in self.judged:
            if not self.found:
                self.run(passes)
            self.judged[passes] = self.bench.judge(self.found(passes) if self.found else self.bench.ours(),
                                                   self.bench.reference)
        return self.judged[passes]

    def first(self, level, most=PASSES):
        """The fewest passes that reach a correlation, or None. The search assumes that more passes are not worse."""
        if not self.quality(most)["correlation"] >= level:
            return None
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.quality(middle)["correlation"] >= level else (middle, high)
        return high


def ours_from_nothing(bench):
    return Contestant(bench, lambda passes: bench.solve(bench.scan, "--iterations", passes)[0])


def theirs_from_nothing(bench):
    kept = bench.files / f"kept-{bench.scan.stem}-{PASSES}.npz"
    if not kept.exists():
        bench.peer(bench.scan, "--keep", out=kept.name.removesuffix(f"-{PASSES}.npz"))
    return Contestant(bench, lambda passes: bench.peer(bench.scan, passes=passes),
                      lambda passes: kept.with_name(f"kept-{bench.scan.stem}-{passes}.npz"))


def raced(bench, what, ours, our_passes, theirs, their_passes, bar, aim):
    """A row: both in turn. The ratio compares the process of ptyx with pty-chi without the start of Python."""
    if our_passes is None or their_passes is None:
        print(f"{what}: not reached by {'ptyx' if our_passes is None else 'pty-chi'}", flush=True)
        return {"what": what, "missing": "ptyx" if our_passes is None else "pty-chi",
                "verdict": "missed" if our_passes is None and bar else ""}
    mine, whole, loop = [], [], []
    for _ in range(bench.rounds):
        time.sleep(PAUSE)
        mine.append(ours.run(our_passes))
        time.sleep(PAUSE)
        summary = theirs.run(their_passes)
        whole.append(summary["seconds"])
        loop.append(summary["loop"])
    figure = ratio(mine, loop)
    row = {"what": what, "ours": spread(mine), "whole": spread(whole), "loop": spread(loop),
           "passes": [our_passes, their_passes],
           "quality": [ours.quality(our_passes), theirs.quality(their_passes)], "bar": bar, "aim": aim,
           "verdict": verdict(figure["median"], bar, aim)} | figure
    print(f"{what}: ptyx {row['ours']['median']:.2f} s, pty-chi {row['loop']['median']:.2f} s, "
          f"as a process {row['whole']['median']:.2f} s, "
          f"{row['median']:.2f}x {row['verdict']}; "
          f"correlation {row['quality'][0]['correlation']:.4f}, {row['quality'][1]['correlation']:.4f}", flush=True)
    return row
