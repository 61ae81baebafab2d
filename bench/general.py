"""Measures the general network: objects without training, and after five epochs on the scan.

    make bench-general

Writes general.md and general.json. Blobs are a kind that its training has seen; the objects of scenes.py are not."""

import general_tables
import machine
import record
from figures import spread, verdict
from which import OBJECTS, Which, digest

PROBE_WIDTH, PATTERNS = 20, 300  # pixels; of the scans of blobs
# Bars and aims by the step of the scan in pixels: without training, after five epochs, and then refined.
UNTRAINED = {8: (0.95, None), 14: (0.90, None), 20: (0.85, None), 28: (0.80, None)}
TUNED = {8: (0.98, None), 14: (0.96, None), 20: (0.93, None), 28: (0.87, None)}
REFINED = {20: (0.97, 0.985), 28: (0.90, 0.93)}
UNSEEN_LOSS = 0.03  # by which objects of unseen kinds may be below blobs
EPOCHS, PASSES = ("--max-epochs", 5), ("--refine", 20)


class General(Which):
    """The general network on scans of blobs, of three seeds, and of unseen objects."""

    seeds, steps = (1, 2, 3), tuple(UNTRAINED)

    def blobs(self, step, seed):
        return self.simulated(f"blobs-{step}-{seed}", object="blobs", scan="fermat", positions=PATTERNS,
                              probe_size=PROBE_WIDTH, nphotons="1e6", step=step, seed=seed)

    def unseen(self, step):
        return [self.scan_of({"object": kind, "n": 64, "photons": "1e6", "step": step / PROBE_WIDTH, "seed": 1})
                for kind in OBJECTS]

    def found(self, scan, *flags, model=None, reference=None):
        """Seconds of `ptyx infer`, and the correlation with the truth."""
        seconds = self.infer(scan, *flags, model=model)
        return seconds, self.judge(self.ours(), reference or scan)["correlation"]

    def tuned(self, scan):
        """A training of five epochs; the correlation of its object, and of the refined one."""
        self.train(scan, *EPOCHS)
        plain = self.judge(self.ours(), scan)["correlation"]
        return plain, self.found(scan, *PASSES, model=self.files / "run")[1]


def row(step, correlations, bar, aim):
    found = spread(correlations)
    return {"step": step, "correlation": found, "bar": bar, "aim": aim, "verdict": verdict(found["median"], bar, aim)}


def untrained(bench):
    """Blobs, without training."""
    return [row(step, [bench.found(bench.blobs(step, seed))[1] for seed in bench.seeds], *UNTRAINED[step])
            for step in bench.steps]


def own(bench):
    """A scan of the user, without training and refined by one pass."""
    if not bench.own:
        return None
    scan, reference = bench.own
    rows = []
    for flags, bars, limit in (((), (0.93, 0.95), None), (("--refine", 1), (0.97, 0.98), 2.5)):
        rounds = [bench.found(scan, *flags, reference=reference) for _ in range(bench.rounds)]
        correlation, seconds = rounds[0][1], spread([seconds for seconds, _ in rounds])
        quality, time = verdict(correlation, *bars), verdict(seconds["median"], limit, None, larger_is_better=False)
        rows.append({"flags": " ".join(map(str, flags)), "seconds": seconds, "limit": limit, "correlation": correlation,
                     "bar": bars[0], "aim": bars[1], "verdict": quality, "time": time})
    return rows


def tuned(bench):
    """Five epochs on each scan; for large steps also the refined object, and objects that no training has seen."""
    rows, refined, unseen = [], [], []
    for step in bench.steps:
        pairs = [bench.tuned(bench.blobs(step, seed)) for seed in bench.seeds]
        rows.append(row(step, [plain for plain, _ in pairs], *TUNED[step]))
        if step in REFINED:
            refined.append(row(step, [fine for _, fine in pairs], *REFINED[step]))
            bar = refined[-1]["correlation"]["median"]
            others = [fine for _, fine in map(bench.tuned, bench.unseen(step))]
            unseen.append(row(step, others, bar - UNSEEN_LOSS, bar))
    return {"tuned": rows, "refined": refined, "unseen": unseen}


SECTIONS = {"untrained": untrained, "own": own, "tuned": tuned}


def main():
    args, scan = record.sections_of(record.arguments(__doc__, "general"), SECTIONS, "a scan for the section own")
    bench = General(args.ptyx.resolve(), args.files.resolve() / "which", rounds=1 if args.quick else 3,
                    threads=args.threads, quick=args.quick, own=scan, model=None, digest=digest(args.ptyx))
    if args.quick:
        bench.seeds, bench.steps = bench.seeds[:1], (20,)
    bench.make()
    record.run(bench, bench.files if args.quick else args.results, "general", machine.describe(bench, ["numpy"]),
               SECTIONS, args.only or [name for name in SECTIONS if name != "own" or scan], general_tables.page)


if __name__ == "__main__":
    main()
