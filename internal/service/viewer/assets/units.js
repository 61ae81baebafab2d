// Lengths as text, and the steps of scale bars and axes.

// unitOf is the unit for lengths about so many pixels: its name, and how many of it a pixel has. Without a pixel size
// it is the pixel.
export function unitOf(pixels, pixelNM) {
  if (!(pixelNM > 0)) {
    return { name: "px", perPixel: 1 };
  }
  const length = pixels * pixelNM;
  if (length >= 1e6) {
    return { name: "mm", perPixel: pixelNM / 1e6 };
  }
  return length >= 1e3 ? { name: "µm", perPixel: pixelNM / 1e3 } : { name: "nm", perPixel: pixelNM };
}

// roundDown is the largest 1, 2 or 5 times a power of ten that is not above a value.
export function roundDown(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].find((k) => k * power <= value * (1 + 1e-9)) * power;
}

// text is a number with few digits.
export function text(value) {
  if (value === 0 || !Number.isFinite(value)) {
    return Number.isFinite(value) ? "0" : "–";
  }
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
