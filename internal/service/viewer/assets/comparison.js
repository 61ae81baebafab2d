// The latest pattern beside its prediction, and how the residual has changed.
import { drawChart } from "./chart.js";
import { maps } from "./colours.js";
import { text } from "./units.js";

const mostKept = 600;

export class Comparison {
  constructor(element) {
    this.element = element;
    this.ids = [];
    this.residuals = [];
    this.pictures = ["measured", "predicted"].map((name) => {
      const figure = document.createElement("figure"), canvas = document.createElement("canvas");
      const caption = document.createElement("figcaption");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${name} pattern`);
      figure.append(canvas, caption);
      return { name, canvas, caption, figure };
    });
    this.chart = document.createElement("canvas");
    this.chart.className = "chart";
    this.chart.setAttribute("role", "img");
    this.chart.setAttribute("aria-label", "Residual of the patterns that were shown");
    element.append(...this.pictures.map((p) => p.figure), this.chart);
    element.hidden = true;
  }

  put(c) {
    this.element.hidden = false;
    for (const { name, canvas, caption } of this.pictures) {
      canvas.width = canvas.height = c.side;
      const context = canvas.getContext("2d"), image = context.createImageData(c.side, c.side);
      c[name].forEach((v, i) => image.data.set([...maps.sequential.subarray(3 * v, 3 * v + 3), 255], 4 * i));
      context.putImageData(image, 0, 0);
      caption.textContent = name === "measured" ? `pattern ${c.id}, log of counts` : "predicted by the object";
    }
    this.residuals = [...this.residuals.slice(1 - mostKept), c.residual];
    this.ids = [...this.ids.slice(1 - mostKept), this.ids.length ? this.ids[this.ids.length - 1] + 1 : 1];
    drawChart(this.chart, this.ids, this.residuals, {
      title: `residual of amplitudes: ${text(c.residual)}`, xLabel: "patterns shown, about one a second",
      whole: true,
    });
  }
}
