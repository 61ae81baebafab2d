"""The PNG files, opened by imageio: complete, of a sensible size, and not blank."""

import imageio.v3 as imageio
import numpy as np

from files import CASES, PAIRS

# A blank sheet, even one with a frame and the ticks of a colour bar, has fewer pixels of other colours than this.
INK = 0.02
COLOURS = 20


def check(report, files):
    expected = {f"{case.out}/reconstructed_{part}.png" for case in CASES for part in ("amplitude", "coverage", "phase",
                                                                                      "spread")}
    expected |= {f"{case.out}/reconstructed_sigma.png" for case in CASES if case.network == "unrolled"}
    expected |= {f"{case.run}/{name}.png" for case in CASES for name in ("probe", "loss")}
    expected |= {f"{pair}/comparison.png" for pair in PAIRS}
    found = {str(p.relative_to(files)) for p in files.rglob("*.png")} - {"netron.png"}
    report.same("pictures missing or beyond the expected", sorted(expected ^ found), [])
    for name in sorted(found):
        picture = imageio.imread(files / name)
        pixels = picture[..., :3].reshape(-1, 3)
        colours, counts = np.unique(pixels, axis=0, return_counts=True)
        ink = 1 - counts.max() / counts.sum()
        ok = picture.ndim == 3 and min(picture.shape[:2]) >= 64 and len(colours) >= COLOURS and ink >= INK
        report.line(ok, f"{name}: size, colours, share of pixels unlike the commonest",
                    f"{picture.shape[1]} x {picture.shape[0]}, {len(colours)}, {ink:.3f}")
