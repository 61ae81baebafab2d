// Colour maps as tables of 256 colours, those of the pictures that ptyx writes (package render).
const viridis = [
  0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c,
  0x1fa088, 0x28ae80, 0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
];

export const maps = {
  sequential: interpolated(viridis),
  grey: interpolated([0x000000, 0xffffff]),
  cyclic: hues(),
};

// table returns colours as bytes: red, green and blue of each.
function interpolated(steps) {
  const table = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const t = (i / 255) * (steps.length - 1);
    const k = Math.min(Math.floor(t), steps.length - 2);
    [16, 8, 0].forEach((shift, channel) => {
      const a = (steps[k] >> shift) & 255, b = (steps[k + 1] >> shift) & 255;
      table[3 * i + channel] = Math.round(a + (t - k) * (b - a));
    });
  }
  return table;
}

// hues are colours of one lightness in Oklab, as in package render.
function hues() {
  const table = new Uint8Array(3 * 256);
  for (let i = 0; i < 256; i++) {
    const angle = (2 * Math.PI * (i % 255)) / 255;
    const a = 0.125 * Math.cos(angle), b = 0.125 * Math.sin(angle);
    const l = (0.74 + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (0.74 - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (0.74 - 0.0894841775 * a - 1.291485548 * b) ** 3;
    table[3 * i] = gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
    table[3 * i + 1] = gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
    table[3 * i + 2] = gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  }
  return table;
}

function gamma(v) {
  const c = Math.min(Math.max(v, 0), 1);
  return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
}
