"""Draws the pictures of docs/geometry.md: axes and senses, and what a wrong one does to a reconstruction.

    make geometry

ptyx simulates one scan of a letter and solves it with its positions turned and mirrored in each wrong way."""

import argparse
import subprocess
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, Rectangle

DPI = 110
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#777777"
N, POSITIONS, STEP = 64, 220, 6

# What the positions of a file need: the flags, and the way from right positions to those of the file.
ORIENTATIONS = [
    ("", lambda x, y: (x, y)),
    ("--flip-x", lambda x, y: (-x, y)),
    ("--flip-y", lambda x, y: (x, -y)),
    ("--flip-x --flip-y\nor --sample-motion", lambda x, y: (-x, -y)),
    ("--swap-xy", lambda x, y: (y, x)),
    ("--swap-xy --flip-x", lambda x, y: (y, -x)),
    ("--swap-xy --flip-y", lambda x, y: (-y, x)),
    ("--swap-xy --flip-x --flip-y", lambda x, y: (-y, -x)),
]


def turned(degrees):
    """The positions of a stage that --rotation-deg turns right."""
    angle = -np.radians(degrees)
    return lambda x, y: (np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y)


OTHERS = [("--rotation-deg 10", turned(10)), ("--pixel-size-nm larger by 20%", lambda x, y: (1.2 * x, 1.2 * y))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ptyx", required=True, type=Path)
    parser.add_argument("--files", required=True, type=Path, help="directory for scans and what the commands write")
    parser.add_argument("--docs", required=True, type=Path, help="directory for the pictures")
    args = parser.parse_args()
    args.files.mkdir(parents=True, exist_ok=True)
    senses(args.docs / "geometry.png")
    faults(args.ptyx, args.files, args.docs / "orientations.png")


def senses(path):
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.4))
    for axis, draw in zip(axes, (detector, patch, motion, rotation)):
        axis.set_aspect("equal")
        axis.axis("off")
        draw(axis)
    figure.tight_layout()
    figure.savefig(path, dpi=DPI, bbox_inches="tight", pad_inches=0.1, metadata={"Software": None})
    plt.close(figure)


def frame(axis, width, height, title):
    """A field of pixels with its first one at the top left."""
    axis.set_xlim(-1.6, width + 1)
    axis.set_ylim(height + 1.6, -2.4)
    axis.set_title(title, fontsize=11)


def arrow(axis, start, end, color="black", width=1.6):
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": color, "lw": width, "shrinkA": 0,
                                              "shrinkB": 0})


def label(axis, x, y, text, color="black", size=9, **more):
    axis.text(x, y, text, color=color, fontsize=size, ha=more.pop("ha", "center"), va=more.pop("va", "center"), **more)


def axes_of(axis, columns, rows, length=3.2):
    arrow(axis, (-0.6, -0.6), (length, -0.6))
    arrow(axis, (-0.6, -0.6), (-0.6, length))
    label(axis, length / 2, -1.3, columns)
    label(axis, -1.2, length / 2, rows, rotation=90)


def detector(axis):
    frame(axis, 8, 8, "A pattern: rows and columns of the detector")
    for i in range(9):
        axis.plot([0, 8], [i, i], color="#dddddd", lw=0.8)
        axis.plot([i, i], [0, 8], color="#dddddd", lw=0.8)
    axes_of(axis, "column", "row")
    axis.add_patch(Rectangle((4, 4), 1, 1, color=RED, alpha=0.6))
    axis.add_patch(Circle((4.5, 4.5), 2.2, fill=False, color=BLUE, lw=1.4))
    label(axis, 4.5, 8.7, "zero frequency: pixel [N/2, N/2]", RED)
    arrow(axis, (4.5, 4.5), (7.6, 4.5), BLUE)
    label(axis, 5.7, 1.4, "light that the object\nbends towards larger x", BLUE, 8)
    label(axis, 0.55, 0.5, "[0, 0]", GREY, 7)


def patch(axis):
    frame(axis, 12, 12, "A position: the centre of a patch of the object")
    axis.add_patch(Rectangle((0, 0), 12, 12, fill=False, color="black"))
    axes_of(axis, "x: column", "y: row")
    corner, side = (4, 5), 5
    axis.add_patch(Rectangle(corner, side, side, facecolor="#e8f0fa", edgecolor=BLUE, lw=1.4))
    axis.add_patch(Circle((6.5, 7.5), 1.5, color=BLUE, alpha=0.3))
    axis.plot(6.5, 7.5, "o", color=RED, ms=5)
    arrow(axis, (0, 7.5), (6.3, 7.5), RED, 1)
    arrow(axis, (6.5, 0), (6.5, 7.3), RED, 1)
    label(axis, 2.2, 7, "x", RED, 11)
    label(axis, 7, 3, "y", RED, 11)
    label(axis, 6.3, 10.8, "columns round(x) − N/2 to round(x) + N/2 − 1", BLUE, 8)
    label(axis, 0.9, 0.6, "[0, 0]", GREY, 8)
    label(axis, 6, 12.7, "the object", GREY)


def motion(axis):
    frame(axis, 12, 12, "Beam or sample: who moves?")
    for top, who in ((1.2, "the stage moves the beam by +x"), (7.4, "the stage moves the sample by +x")):
        sample = top > 6
        left = 3.6 if sample else 2.0
        axis.add_patch(Rectangle((left, top), 8, 3.2, facecolor="#f4efe2", edgecolor="black"))
        label(axis, left + 4, top + 1.6, "F", GREY, 26)
        if sample:
            axis.add_patch(Rectangle((2.0, top), 8, 3.2, fill=False, edgecolor=GREY, ls=":"))
            axis.add_patch(Circle((5.0, top + 0.9), 0.55, color=BLUE, alpha=0.6))
            arrow(axis, (2.1, top + 2.7), (3.6, top + 2.7), RED)
            label(axis, 6, top + 4.3, "on the sample, the beam went to −x:\n--sample-motion", RED, 8.5)
        else:
            axis.add_patch(Circle((5.0, top + 0.9), 0.55, color=BLUE, alpha=0.25))
            axis.add_patch(Circle((6.6, top + 0.9), 0.55, color=BLUE, alpha=0.6))
            arrow(axis, (5.0, top + 0.9), (6.5, top + 0.9), RED)
            label(axis, 6, top + 4.0, "positions are those of the beam: no flag", RED, 8.5)
        label(axis, 6, top - 0.7, who, "black", 9)


def rotation(axis):
    frame(axis, 12, 12, "--rotation-deg: from the columns to the rows")
    axes_of(axis, "x", "y")
    angle = np.radians(25)
    origin = np.array((3.0, 2.6))
    steps = np.arange(5) * 1.7
    for y in steps:
        for x in steps:
            axis.plot(*(origin + (x, y)), "o", color=GREY, ms=4, alpha=0.4)
            place = origin + (x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle))
            axis.plot(*place, "o", color=BLUE, ms=4)
    arrow(axis, origin, origin + (8, 0), GREY, 1.2)
    arrow(axis, origin, origin + (8 * np.cos(angle), 8 * np.sin(angle)), BLUE, 1.2)
    bend = np.linspace(0, angle, 20)
    axis.plot(origin[0] + 5 * np.cos(bend), origin[1] + 5 * np.sin(bend), color=RED)
    label(axis, 9.3, 3.9, "+25°", RED, 10)
    label(axis, 6, 12.8, "grey: the stage's positions; blue: turned by 25°", GREY, 8.5)


def faults(ptyx, files, path):
    right = scan_of_letter(ptyx, files)
    with np.load(right) as scan:
        arrays = {k: scan[k] for k in ("diff3d", "xcoords", "ycoords", "probeGuess")}
    cases = ORIENTATIONS + OTHERS
    figure, axes = plt.subplots(2, 5, figsize=(15, 6.9))
    for axis, (flags, move) in zip(axes.flat, cases):
        x, y = move(arrays["xcoords"], arrays["ycoords"])
        wrong = files / "wrong.npz"
        np.savez(wrong, **{**arrays, "xcoords": x - x.min() + N / 2, "ycoords": y - y.min() + N / 2})
        out = files / "wrong"
        run(ptyx, "solve", "--data", wrong, "--output-dir", out, "--quiet")
        with np.load(out / "reconstruction.npz") as found:
            picture, covered, residual = found["object"], found["coverage"], float(found["residual"])
        phase = np.angle(picture * np.exp(-1j * np.angle(picture[covered > 0].sum())))
        phase[covered == 0] = np.nan
        axis.imshow(phase, cmap="gray", vmin=-0.9, vmax=0.5)
        axis.set_title(f"needs {flags}" if flags else "right: needs no flag", fontsize=10,
                       color=BLUE if not flags else "black")
        axis.set_xlabel(f"residual {residual:.3f}", fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        print(flags or "right", f"{residual:.4f}", flush=True)
    figure.tight_layout()
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    plt.close(figure)


def scan_of_letter(ptyx, files):
    """A scan of a sample with letters, which look different in each orientation."""
    scene, out = files / "scene.npz", files / "scan.npz"
    run(ptyx, "simulate", "--out", scene, "--n", N, "--positions", POSITIONS, "--step", STEP, "--scan", "fermat",
        "--seed", 1, "--quiet")
    with np.load(scene) as simulated:
        arrays = {k: simulated[k] for k in ("probeGuess", "xcoords", "ycoords")}
        height, width = simulated["objectGuess"].shape
    thickness = letters(height, width)
    arrays["objectGuess"] = np.exp((-0.2 - 1j) * thickness).astype(np.complex64)
    np.savez(scene, **arrays)
    run(ptyx, "simulate", "--out", out, "--object-file", scene, "--nphotons", "1e6", "--seed", 1, "--quiet")
    return out


def letters(height, width):
    """An array (height, width) from 0 to 1 with text."""
    figure = plt.figure(figsize=(width / 50, height / 50), dpi=50)
    figure.text(0.5, 0.58, "Fe", fontsize=0.42 * width / 50 * 72 * 0.8, ha="center", va="center", weight="bold")
    figure.text(0.5, 0.26, "56 ptyx", fontsize=0.15 * width / 50 * 72, ha="center", va="center")
    figure.canvas.draw()
    image = 1 - np.asarray(figure.canvas.buffer_rgba())[..., 0] / 255
    plt.close(figure)
    out = np.zeros((height, width))
    rows, columns = min(height, image.shape[0]), min(width, image.shape[1])
    out[:rows, :columns] = image[:rows, :columns]
    return out


def run(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
