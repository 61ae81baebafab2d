// The scale bar: a round length, in nanometres or micrometres if the pixel size is known, else in pixels.
import { roundDown, text, unitOf } from "./units.js";

export function drawScaleBar(context, viewport, pixelNM) {
  const longest = viewport.width / 3.5 / viewport.scale; // in pixels of the object
  const unit = unitOf(longest, pixelNM);
  const length = roundDown(longest * unit.perPixel);
  const width = (length / unit.perPixel) * viewport.scale;
  const left = 14, bottom = viewport.height - 14;
  const label = `${text(length)} ${unit.name}`;
  context.font = "600 14px system-ui, 'Liberation Sans', sans-serif";
  const box = Math.max(width, context.measureText(label).width);
  context.fillStyle = "rgba(0, 0, 0, 0.6)";
  context.fillRect(left - 8, bottom - 30, box + 16, 38);
  context.fillStyle = "#fff";
  context.fillRect(left, bottom - 5, width, 5);
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillText(label, left, bottom - 11);
}
