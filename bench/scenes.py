"""Objects that no generator of ptyx makes: a photograph, branching trees, and veins.

    scenes.py SCAN KIND SEED OUT

Replaces objectGuess of SCAN by an object of the same size and writes OUT, which ptyx simulate --object-file reads."""

import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

ABSORPTION, PHASE = 0.3, 1.0  # of the thickest part


def main():
    scan, kind, seed, out = sys.argv[1:]
    scene = dict(np.load(scan))
    thickness, other = KINDS[kind](scene["objectGuess"].shape, np.random.default_rng(int(seed)))
    field = np.exp(-ABSORPTION * thickness + 1j * PHASE * other)
    np.savez(out, objectGuess=field.astype(np.complex64),
             **{key: scene[key] for key in ("probeGuess", "xcoords", "ycoords")})


def photograph(shape, rng):
    """Two colours of the photograph in the tests of Go's library, twice as large, with mirror images beside it.

    The seed chooses the place. Absorption follows red, phase blue, so they are alike without being equal."""
    root = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip()
    picture = png(Path(root) / "src/image/testdata/video-001.png")[..., [0, 2]] / 255
    rows, columns = (mirrored(n, size, 2, rng) for n, size in zip(shape, picture.shape))
    return tuple(sampled(picture[..., c], rows, columns) for c in range(2))


def mirrored(n, size, zoom, rng):
    """Places of n pixels in an image of the given size that is enlarged and goes on as its mirror image."""
    at = (rng.uniform(0, size) + np.arange(n) / zoom) % (2 * size - 2)
    return np.where(at > size - 1, 2 * size - 2 - at, at)


def sampled(image, rows, columns):
    """The image at real-valued rows and columns, by linear interpolation."""
    row, column = (np.minimum(at.astype(int), size - 2) for at, size in zip((rows, columns), image.shape))
    down, right = (rows - row)[:, None], (columns - column)[None, :]
    corner = [[image[np.ix_(row + i, column + j)] for j in range(2)] for i in range(2)]
    above, below = (line[0] * (1 - right) + line[1] * right for line in corner)
    return above * (1 - down) + below * down


def png(path):
    """The pixels (H, W, 3) of a PNG file of 8-bit colours that is not interlaced."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4]), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
            if body[8:] != bytes([8, 2, 0, 0, 0]):
                raise SystemExit(f"{path}: expected 8-bit colours without interlacing")
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 3 * width)
    out = np.zeros((height + 1, width + 1, 3), int)  # with a black border above and to the left
    for y, line in enumerate(lines, 1):
        for x, pixel in enumerate(line[1:].reshape(width, 3), 1):
            out[y, x] = (pixel + predicted(line[0], out[y, x - 1], out[y - 1, x], out[y - 1, x - 1])) % 256
    return out[1:, 1:]


def predicted(filter, left, above, corner):
    """What a PNG line's filter adds to a pixel."""
    if filter == 4:
        guess = left + above - corner
        near = [abs(guess - v) for v in (left, above, corner)]
        return np.where((near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], above, corner))
    return [0, left, above, (left + above) // 2][filter]


def trees(shape, rng):
    """Branching dendrites, as in batteries and nerves: each branch bends, thins and splits."""
    out = np.zeros(shape)
    y, x = np.indices(shape, sparse=True)
    for _ in range(max(1, shape[0] * shape[1] // 4000)):
        tips = [(rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(0, 2 * np.pi), rng.uniform(2.5, 6))]
        while tips:
            row, column, angle, width = tips.pop()
            for _ in range(int(rng.uniform(6, 14))):
                angle, width = angle + rng.normal(0, 0.25), width * 0.97
                row, column = row + width * np.sin(angle), column + width * np.cos(angle)
                stamp(out, row, column, width)
            if width > 1.2:
                spread = rng.uniform(0.3, 0.9)
                tips += [(row, column, angle + spread, width * 0.75), (row, column, angle - spread, width * 0.75)]
    return out, out


def stamp(out, row, column, width):
    reach = int(width + 3)
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    part = out[top:int(row) + reach + 1, left:int(column) + reach + 1] if row > -reach and column > -reach else out[:0]
    if part.size:
        y, x = np.indices(part.shape)
        distance = np.hypot(y + top - row, x + left - column)
        np.maximum(part, 1 / (1 + np.exp(3 * (distance - width))), out=part)


def veins(shape, rng):
    """Ridges of clouds that bend each other, as in marble and leaves, from the coarse to the fine."""
    def clouds(scale):
        f = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
        noise = np.fft.fft2(rng.normal(size=shape)) * np.exp(-(f * scale) ** 2 * 4)
        field = np.fft.ifft2(noise).real
        return field / field.std()

    out = np.zeros(shape)
    for scale, weight in ((60, 0.5), (25, 0.3), (10, 0.2)):
        field, bend = clouds(scale), [clouds(2 * scale) * scale / 2 for _ in range(2)]
        rows, columns = ((i + b) % n for i, b, n in zip(np.indices(shape), bend, shape))
        out += weight * np.exp(-np.abs(field[rows.astype(int), columns.astype(int)]) * 4)
    return out, 0.7 * out + 0.15 * (1 + np.tanh(clouds(40)))


KINDS = {"photograph": photograph, "trees": trees, "veins": veins}

if __name__ == "__main__":
    main()
