// A calibration's curve: percent against the bike's own number, the old curve and the new one.
import { number } from "./units.js";

/** The size of the picture, in units of its view box, and the room for the numbers at its edges. */
const WIDTH = 360;
const HEIGHT = 240;
const LEFT = 44;
const RIGHT = 350;
const TOP = 12;
const BOTTOM = 210;
const MARGIN = 0.04;
const TICKS = 6;

const SVG = "http://www.w3.org/2000/svg";

/** Return functions from the bike's number to x and from percent to y, and the range of numbers. */
function scaleOf({ points = [], curve = null, oldCurve = null, here = null }) {
  const raws = [...points.map((point) => point.raw), ...(curve ?? []).map(([raw]) => raw)];
  raws.push(...(oldCurve ?? []).map(([raw]) => raw));
  if (here !== null) raws.push(here);
  if (!raws.length) return null;
  const least = Math.min(...raws);
  const most = Math.max(...raws);
  const margin = (most - least) * MARGIN || 1;
  const low = least - margin;
  const high = most + margin;
  return {
    low,
    high,
    x: (raw) => LEFT + ((raw - low) / (high - low)) * (RIGHT - LEFT),
    y: (percent) => BOTTOM - (percent / 100) * (BOTTOM - TOP),
  };
}

/** Return a curve as the points of a polyline; beyond its ends it is level, as in a race. */
export function lineOf(curve, scale) {
  const level = [[scale.low, curve[0][1]], ...curve, [scale.high, curve.at(-1)[1]]];
  return level.map(([raw, percent]) => `${place(scale.x(raw))},${place(scale.y(percent))}`).join(" ");
}

/** Return the percent of a number by a curve. */
function percentAt(curve, raw) {
  const above = curve.findIndex(([other]) => other > raw);
  if (above === 0) return curve[0][1];
  if (above === -1) return curve.at(-1)[1];
  const [lowRaw, low] = curve[above - 1];
  const [highRaw, high] = curve[above];
  return low + ((high - low) * (raw - lowRaw)) / (highRaw - lowRaw);
}

/** Return round numbers in a range: multiples of 1, 2 or 5 and a power of ten. */
function roundNumbers(low, high, most = TICKS) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** Draw everything that is known into an SVG element. */
export function drawCurve(svg, known) {
  const scale = scaleOf(known);
  if (scale === null) {
    svg.replaceChildren();
    return;
  }
  const { points = [], curve = null, oldCurve = null, here = null } = known;
  const shapes = [...axes(scale)];
  if (oldCurve) shapes.push(shape("polyline", { class: "old", points: lineOf(oldCurve, scale) }));
  if (curve) shapes.push(shape("polyline", { class: "new", points: lineOf(curve, scale) }));
  for (const { raw, percent, direction } of points) {
    shapes.push(circle(scale, raw, percent, direction === "down" ? "point down" : "point"));
  }
  const shown = curve ?? oldCurve;
  if (here !== null && shown) shapes.push(circle(scale, here, percentAt(shown, here), "here"));
  svg.replaceChildren(...shapes);
}

function* axes(scale) {
  for (const percent of [0, 25, 50, 75, 100]) {
    const y = scale.y(percent);
    yield shape("line", { class: "rule", x1: LEFT, x2: RIGHT, y1: y, y2: y });
    yield shape("text", { class: "end", x: LEFT - 6, y: y + 4 }, `${percent} %`);
  }
  for (const raw of roundNumbers(scale.low, scale.high)) {
    yield shape("text", { class: "middle", x: place(scale.x(raw)), y: BOTTOM + 20 }, number(raw));
  }
}

function circle(scale, raw, percent, style) {
  const [cx, cy] = [place(scale.x(raw)), place(scale.y(percent))];
  return shape("circle", { class: style, cx, cy, r: 5 });
}

function shape(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function place(value) {
  return value.toFixed(1);
}
