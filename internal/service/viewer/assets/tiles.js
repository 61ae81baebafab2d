// Keeps the tiles of the object: those of the level that is shown, and of the level before, which are drawn beneath
// until the new ones come.
import { side } from "./protocol.js";

const wellCovered = 0.1; // of the coverage inside the scan: below, the object is not determined

export class Tiles {
  constructor() {
    this.all = new Map(); // by level, row and column
    this.level = 0;
    this.plane = { perRow: 0, perCol: 0, level: 0 };
    this.even = 0;
  }

  static key(level, row, col) {
    return `${level}/${row}/${col}`;
  }

  // choose changes the level that is shown.
  choose(level) {
    if (level !== this.level) {
      for (const [key, tile] of this.all) {
        if (tile.level !== this.level) {
          this.all.delete(key);
        }
      }
      this.level = level;
    }
  }

  put(tile) {
    this.all.set(Tiles.key(tile.level, tile.row, tile.col), tile);
  }

  // clear forgets everything: the server sends all again.
  clear() {
    this.all.clear();
  }

  // value is a quantity at pixel i of a tile; NaN where the object is not determined.
  value(tile, quantity, i) {
    if (quantity === "coverage") {
      return tile.coverage[i] > 0 ? tile.coverage[i] : NaN;
    }
    if (!(tile.coverage[i] > 0 && tile.coverage[i] >= wellCovered * this.even)) {
      return NaN;
    }
    return quantity === "amplitude" ? tile.amplitude[i] : this.phase(tile, i);
  }

  // phase is the phase without the present plane, which may differ from that of the tile.
  phase(tile, i) {
    const scale = 2 ** tile.level;
    const row = (tile.row * side + Math.floor(i / side) + 0.5) * scale - 0.5;
    const col = (tile.col * side + (i % side) + 0.5) * scale - 0.5;
    const was = tile.plane, now = this.plane;
    const phase = tile.phase[i] + (was.perRow - now.perRow) * row + (was.perCol - now.perCol) * col + was.level - now.level;
    return phase - 2 * Math.PI * Math.round(phase / (2 * Math.PI));
  }

  // edge reports whether the refined part ends at pixel i of a tile.
  edge(tile, i) {
    const r = tile.refined;
    if (!r || r[i] < 0.5) {
      return false;
    }
    const row = Math.floor(i / side), col = i % side;
    return (col > 0 && r[i - 1] < 0.5) || (col < side - 1 && r[i + 1] < 0.5) ||
      (row > 0 && r[i - side] < 0.5) || (row < side - 1 && r[i + side] < 0.5);
  }

  // at is a quantity at a pixel of the object, at the finest resolution that is there.
  at(quantity, row, col) {
    const levels = [...new Set([...this.all.values()].map((t) => t.level))].sort((a, b) => a - b);
    for (const level of levels) {
      const r = Math.floor(row / 2 ** level), c = Math.floor(col / 2 ** level);
      const tile = this.all.get(Tiles.key(level, Math.floor(r / side), Math.floor(c / side)));
      if (tile && tile.covered) {
        return this.value(tile, quantity, mod(r) * side + mod(c));
      }
    }
    return NaN;
  }

  // range is that of a quantity without its outermost hundredths, over the tiles of the shown level.
  range(quantity) {
    const values = [];
    for (const tile of this.all.values()) {
      if (tile.covered && tile.level === this.level) {
        for (let i = 0; i < side * side; i += 7) {
          const v = this.value(tile, quantity, i);
          if (!Number.isNaN(v)) {
            values.push(v);
          }
        }
      }
    }
    if (values.length === 0) {
      return null;
    }
    values.sort((a, b) => a - b);
    const low = values[Math.round(0.01 * (values.length - 1))], high = values[Math.round(0.99 * (values.length - 1))];
    return high - low > 1e-6 ? [low, high] : [low - 0.05, low + 0.05];
  }
}

function mod(i) {
  return ((i % side) + side) % side;
}
