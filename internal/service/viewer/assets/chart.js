// Curves on a canvas, with axes. Small: two axes, a few ticks, no legend beyond the labels.
import { roundDown, text } from "./units.js";

const margin = { left: 58, right: 12, top: 22, bottom: 38 };

// drawChart draws y over x. options: title, xLabel, and whole if x are whole numbers.
export function drawChart(canvas, x, y, options) {
  const density = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.max(1, Math.round(width * density));
  canvas.height = Math.max(1, Math.round(height * density));
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  context.scale(density, density);
  context.font = "12.5px system-ui, 'Liberation Sans', sans-serif";
  const shown = y.filter(Number.isFinite);
  const ink = style.color, mark = style.getPropertyValue("--mark") || "#0072b2", grid = style.getPropertyValue("--line") || "#ccc";
  context.fillStyle = ink;
  context.textAlign = "left";
  context.fillText(options.title, margin.left, 14);
  if (shown.length < 1 || x.length < 2) {
    return;
  }
  let [low, high] = [Math.min(...shown), Math.max(...shown)];
  const pad = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  [low, high] = [low - pad, high + pad];
  const first = x[0], last = x[x.length - 1];
  const toX = (v) => margin.left + ((v - first) / (last - first)) * (width - margin.left - margin.right);
  const toY = (v) => height - margin.bottom - ((v - low) / (high - low)) * (height - margin.top - margin.bottom);
  context.strokeStyle = grid;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const v of ticks(low, high, height / 45)) {
    line(context, margin.left, toY(v), width - margin.right, toY(v));
    context.fillText(text(v), margin.left - 6, toY(v));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const v of ticks(first, last, width / 90, options.whole)) {
    line(context, toX(v), height - margin.bottom, toX(v), height - margin.bottom + 4);
    context.fillText(text(v), toX(v), height - margin.bottom + 6);
  }
  context.fillText(options.xLabel, (margin.left + width - margin.right) / 2, height - 15);
  context.strokeStyle = mark;
  context.lineWidth = 1.6;
  context.beginPath();
  let open = false;
  x.forEach((v, i) => {
    if (Number.isFinite(y[i])) {
      context[open ? "lineTo" : "moveTo"](toX(v), toY(y[i]));
    }
    open = Number.isFinite(y[i]);
  });
  context.stroke();
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

// ticks are round values in a range, about count of them; with whole, they are whole numbers.
function ticks(low, high, count, whole) {
  const step = Math.max(roundDown((high - low) / Math.max(2, count) * 1.9), whole ? 1 : 0), out = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) {
    out.push(k * step);
  }
  return out;
}
