// The line profile: amplitude and phase along a line between two clicks.
import { drawChart } from "./chart.js";
import { unitOf } from "./units.js";

const mostPoints = 600;

export class Profile {
  constructor(element, tiles) {
    this.element = element;
    this.tiles = tiles;
    this.ends = [];
    this.canvases = ["amplitude", "phase"].map((quantity) => {
      const canvas = document.createElement("canvas");
      canvas.className = "chart";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${quantity} along the line`);
      canvas.quantity = quantity;
      return canvas;
    });
    element.append(...this.canvases);
    element.hidden = true;
  }

  // click sets the first end of the line, then the other.
  click(point) {
    this.ends = this.ends.length === 1 ? [this.ends[0], point] : [point];
  }

  clear() {
    this.ends = [];
  }

  draw(pixelNM) {
    this.element.hidden = this.ends.length < 2;
    if (this.element.hidden) {
      return;
    }
    const { length, distances, values } = this.values(pixelNM);
    const unit = unitOf(length, pixelNM);
    for (const canvas of this.canvases) {
      drawChart(canvas, distances, values(canvas.quantity), {
        title: canvas.quantity === "phase" ? "phase (rad)" : canvas.quantity, xLabel: `distance (${unit.name})`,
      });
    }
  }

  // values are the distances from the first end in the unit, and a function of the values of a quantity there.
  values(pixelNM) {
    const [a, b] = this.ends;
    const length = Math.hypot(b.row - a.row, b.col - a.col);
    const count = Math.max(2, Math.min(mostPoints, Math.ceil(length) + 1));
    const shares = Array.from({ length: count }, (_, i) => i / (count - 1));
    const perPixel = unitOf(length, pixelNM).perPixel;
    return {
      length,
      distances: shares.map((s) => s * length * perPixel),
      values: (quantity) => shares.map((s) => this.tiles.at(quantity, a.row + s * (b.row - a.row), a.col + s * (b.col - a.col))),
    };
  }
}
