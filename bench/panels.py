"""Small grey pictures beside each other, in the files of a page, and the lines below them."""

import re

import numpy as np
from PIL import Image

SIDE = 128  # pixels of a panel
GAP = 4


def save(path, panels):
    """Writes panels, arrays (H, W) of any range, side by side."""
    gap = np.full((SIDE, GAP), 255, np.uint8)
    row = np.hstack([part for panel in panels for part in (square(brightness(panel)), gap)][:-1])
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(row).quantize(32).save(path, optimize=True)


def middle(image):
    """The central part, of at most SIDE pixels."""
    h, w = image.shape
    side = min(h, w, SIDE)
    return image[(h - side) // 2:(h + side) // 2, (w - side) // 2:(w + side) // 2]


def brightness(image):
    low, high = np.percentile(image, [1, 99])
    return np.uint8(255 * np.clip((image - low) / (high - low or 1), 0, 1))


def square(image):
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.NEAREST))


def caption(page, name, text):
    """Replaces the line below a picture of a page."""
    pattern = re.compile(rf"(^!\[.*\]\({page.stem}/{name}\.png\)\n)(.*)$", re.MULTILINE)
    renewed, count = pattern.subn(lambda m: m[1] + text, page.read_text())
    if count != 1:
        raise SystemExit(f"{page}: shows {name}.png {count} times, not once")
    page.write_text(renewed)
