// One quantity of the object on a canvas, with its colour bar, the range of its colours, and the scale bar.
import { maps } from "./colours.js";
import { side } from "./protocol.js";
import { drawScaleBar } from "./scalebar.js";
import { text } from "./units.js";

const uncovered = [0xc4, 0xca, 0xd4]; // a bluish grey that no map holds
const refinedEdge = [0xff, 0x5d, 0x2e, 255]; // around what the solver has refined
const wraps = 1.7 * Math.PI; // a wider range of phases means that they wrap

export class Pane {
  // what: quantity, title and unit. changed is called when the user changes the colours.
  constructor(what, tiles, viewport, changed) {
    Object.assign(this, what, { tiles, viewport });
    this.range = [0, 1];
    this.version = 0; // of the colours
    this.element = document.createElement("figure");
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${what.title} of the object. Plus and minus zoom, arrows move, 0 fits.`);
    this.bar = document.createElement("canvas");
    this.bar.className = "bar";
    this.bar.setAttribute("aria-hidden", "true");
    this.low = number(`Lowest ${what.title} of the colours`);
    this.high = number(`Highest ${what.title} of the colours`);
    this.auto = document.createElement("input");
    this.auto.type = "checkbox";
    this.auto.checked = true;
    const label = document.createElement("label");
    label.append(this.auto, " auto");
    this.auto.setAttribute("aria-label", `Automatic colours of the ${what.title}`);
    const caption = document.createElement("figcaption");
    const name = document.createElement("strong");
    name.textContent = what.unit ? `${what.title} (${what.unit})` : what.title;
    const colours = document.createElement("span");
    colours.className = "colours";
    colours.append(this.low, this.bar, this.high, label);
    caption.append(name, colours);
    this.element.append(this.canvas, caption);
    for (const input of [this.low, this.high]) {
      input.addEventListener("change", () => {
        this.auto.checked = false;
        this.setRange([Number(this.low.value), Number(this.high.value)]);
        changed();
      });
    }
    this.auto.addEventListener("change", () => { this.adapt(); changed(); });
  }

  // adapt chooses the range of the colours, if the user leaves it to the page.
  adapt() {
    const range = this.auto.checked && this.tiles.range(this.quantity);
    if (range) {
      const cyclic = this.quantity === "phase" && range[1] - range[0] > wraps;
      this.setRange(cyclic ? [-Math.PI, Math.PI] : this.quantity === "coverage" ? [0, range[1]] : range);
      this.low.value = text(this.range[0]);
      this.high.value = text(this.range[1]);
    }
  }

  setRange(range) {
    if (range[0] !== this.range[0] || range[1] !== this.range[1]) {
      this.range = range;
      this.version++;
    }
  }

  // recolour is called when values have changed without a new tile: the plane, or the coverage inside.
  recolour() {
    this.version++;
  }

  table() {
    if (this.quantity !== "phase") {
      return maps.sequential;
    }
    return this.range[1] - this.range[0] > wraps ? maps.cyclic : maps.grey;
  }

  draw(pixelNM, line) {
    const density = window.devicePixelRatio || 1, v = this.viewport;
    resize(this.canvas, v.width * density, v.height * density);
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = `rgb(${uncovered})`;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.imageSmoothingEnabled = false;
    const ordered = [...this.tiles.all.values()].filter((t) => t.covered)
      .sort((a, b) => (a.level === this.tiles.level) - (b.level === this.tiles.level));
    for (const tile of ordered) {
      const size = side * 2 ** tile.level;
      const first = v.toPane(tile.row * size, tile.col * size), last = v.toPane((tile.row + 1) * size, (tile.col + 1) * size);
      const edges = [first.x, first.y, last.x, last.y].map((e) => Math.round(e * density)); // no seams between tiles
      if (edges[2] > 0 && edges[3] > 0 && edges[0] < this.canvas.width && edges[1] < this.canvas.height) {
        const place = [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]];
        context.fillRect(...place); // no pixel of the level beneath shows through one that is not determined
        context.drawImage(this.picture(tile), ...place);
      }
    }
    context.scale(density, density);
    if (line.length > 0) {
      drawLine(context, line.map((p) => v.toPane(p.row, p.col)));
    }
    drawScaleBar(context, v, pixelNM);
    this.drawBar();
  }

  // picture is a tile in colours.
  picture(tile) {
    tile.pictures ||= {};
    const known = tile.pictures[this.quantity];
    if (known && known.version === this.version) {
      return known.canvas;
    }
    const canvas = known ? known.canvas : document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d"), image = context.createImageData(side, side);
    const table = this.table(), [low, high] = this.range, scale = 255 / (high - low || 1);
    for (let i = 0; i < side * side; i++) {
      const value = this.tiles.value(tile, this.quantity, i);
      if (Number.isNaN(value)) {
        continue;
      }
      if (this.quantity !== "coverage" && this.tiles.edge(tile, i)) {
        image.data.set(refinedEdge, 4 * i);
      } else {
        const k = 3 * Math.min(255, Math.max(0, Math.round((value - low) * scale)));
        image.data.set([table[k], table[k + 1], table[k + 2], 255], 4 * i);
      }
    }
    context.putImageData(image, 0, 0);
    tile.pictures[this.quantity] = { canvas, version: this.version };
    return canvas;
  }

  drawBar() {
    resize(this.bar, 256, 1);
    const context = this.bar.getContext("2d"), image = context.createImageData(256, 1), table = this.table();
    for (let i = 0; i < 256; i++) {
      image.data.set([table[3 * i], table[3 * i + 1], table[3 * i + 2], 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  }
}

function number(name) {
  const input = document.createElement("input");
  input.type = "number";
  input.step = "any";
  input.setAttribute("aria-label", name);
  return input;
}

function resize(canvas, width, height) {
  const w = Math.max(1, Math.round(width)), h = Math.max(1, Math.round(height));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
}

// drawLine draws the line of the profile, or its first end.
function drawLine(context, points) {
  for (const [colour, width] of [["#000", 4], ["#ff5d2e", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(points[0].x, points[0].y);
    for (const p of points) {
      context.lineTo(p.x, p.y);
      context.moveTo(p.x + 4, p.y);
      context.arc(p.x, p.y, 4, 0, 2 * Math.PI);
      context.moveTo(p.x, p.y);
    }
    context.stroke();
  }
}
