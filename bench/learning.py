"""Measures the default network: quality against time, speed, memory, two probes in one training, and its sigma.

    make bench-network

Writes network.md and network.json. Sections that do not run keep their figures, if the machine is the same."""

import errors
import learning_tables
import machine
import record
from command import timed
from figures import spread, verdict
from solving import Solving

QUICK_SCAN, SCAN = 60, 516
TWO_EPOCHS = ("--max-epochs", 2)
TWO_PROBES = {"zone plate": ("zoneplate", 1), "Gaussian": ("gaussian", 2)}


class Learning(Solving):
    """The commands of a training and of what follows it."""

    def train(self, scans, name, *flags):
        """Trains; returns seconds and peak memory of the process."""
        files = [word for scan in scans for word in ("--train-data-file", scan)]
        return timed([self.ptyx, "train", *files, "--output-dir", self.files / name, "--threads", self.threads,
                      "--quiet", *(["--max-epochs", 1] if self.quick else flags)])

    def infer(self, name, scan, out, *flags):
        return timed([self.ptyx, "infer", "--model-path", self.files / name, "--test-data", scan, "--output-dir",
                      self.files / out, "--threads", self.threads, "--quiet", *flags])

    def correlation(self, out, reference):
        return self.judge(self.ours(out), reference)["correlation"]


def rounds(bench, run):
    """Seconds of several rounds and the highest peak memory."""
    found = [run() for _ in range(bench.rounds)]
    return {"seconds": spread([s for s, _ in found]), "memory": max(m for _, m in found)}


def quality(bench):
    """The correlation that a training reaches, and what a pass of the solver makes of it."""
    rows = []
    for what, flags, least, bar, aim in (("2 epochs from random weights", ("--init", "none", *TWO_EPOCHS), 0.96, 15, 8),
                                         ("2 epochs", TWO_EPOCHS, 0.97, 15, 5),
                                         ("the default command", (), 0.975, 60, 30)):
        row = rounds(bench, lambda flags=flags: bench.train([bench.scan], "trained", *flags))
        bench.infer("trained", bench.scan, "found")
        row |= {"what": what, "correlation": bench.correlation("found", bench.reference), "least": least, "bar": bar,
                "aim": aim}
        row["verdict"] = verdict(row["seconds"]["median"], bar, aim, larger_is_better=False)
        if not row["correlation"] >= least:
            row["verdict"] = "missed"
        rows.append(row)
    bench.infer("trained", bench.scan, "refined", "--refine", 1)
    refined = bench.correlation("refined", bench.reference)
    return {"rows": rows, "refined": {"correlation": refined, "bar": 0.978, "aim": 0.982,
                                      "verdict": verdict(refined, 0.978, 0.982)}}


def speed(bench):
    """Complete commands on simulated scans."""
    rows = []
    for n, count, bar, aim in ((64, 10320, 2000, 4000), (128, 2580, 400, 800), (64, 1, 1 / 0.2, 1 / 0.12)):
        count = min(count, 40) if bench.quick else count
        few, many = (bench.simulated(f"speed-{n}-{c}", n=n, positions=c, step=4, seed=3) for c in (40, count))
        bench.train([few], f"speed-{n}", "--max-epochs", 1)
        row = rounds(bench, lambda n=n, many=many: bench.infer(f"speed-{n}", many, "speed"))
        rate = count / row["seconds"]["median"]
        rows.append(row | {"n": n, "patterns": count, "rate": rate, "bar": bar, "aim": aim,
                           "verdict": verdict(rate, bar, aim)})
    return rows


def probes(bench):
    """Two scans of different probes, trained alone and together."""
    positions = QUICK_SCAN if bench.quick else 300
    scans = {name: bench.simulated(f"probe-{probe}", object="star", probe=probe, positions=positions, seed=seed)
             for name, (probe, seed) in TWO_PROBES.items()}
    bench.train(scans.values(), "together", "--max-epochs", 12)
    rows = []
    for name, scan in scans.items():
        bench.train([scan], "alone", "--max-epochs", 12)
        bench.infer("alone", scan, "alone-found")
        bench.infer("together", scan, "together-found", "--probe", "scan")
        alone, together = (bench.correlation(f"{way}-found", scan) for way in ("alone", "together"))
        rows.append({"probe": name, "alone": alone, "together": together,
                     "verdict": verdict(together, alone - 0.01, alone)})
    return rows


def sigma(bench):
    """The share of errors within one sigma after the default command, for each decade of photons."""
    rows = []
    for decade in (4,) if bench.quick else range(3, 9):
        row = {"photons": 10**decade, "bar": [0.65, 0.71], "scans": {}}
        for kind in ("blobs",) if bench.quick else ("star", "lines", "blobs"):
            scan = bench.simulated(f"sigma-{kind}-{decade}", object=kind, scan="fermat", nphotons=10**decade, seed=3,
                                   positions=QUICK_SCAN if bench.quick else 300)
            bench.train([scan], "sigma")
            bench.infer("sigma", scan, "sigma-found")
            row["scans"][kind] = errors.share_within(bench.files / "sigma-found" / "reconstruction.npz", scan)
        row["within"] = sum(s["within"] for s in row["scans"].values()) / len(row["scans"])
        row["verdict"] = "bar reached" if row["bar"][0] <= row["within"] <= row["bar"][1] else "missed"
        rows.append(row)
    return rows


SECTIONS = {"quality": quality, "speed": speed, "probes": probes, "sigma": sigma}


def main():
    args, own = record.sections_of(record.arguments(__doc__, "network"), SECTIONS,
                                   "a scan for the section quality, in place of a simulated one")
    files = args.files.resolve() / ("quick" if args.quick else "network")
    bench = Learning(args.ptyx.resolve(), files, rounds=1 if args.quick else 3, threads=args.threads, quick=args.quick,
                     own=own)
    bench.make()
    record.run(bench, files if args.quick else args.results, "network", machine.describe(bench, ["numpy"]), SECTIONS,
               args.only or list(SECTIONS), learning_tables.page)


if __name__ == "__main__":
    main()
