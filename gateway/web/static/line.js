// The output of the last 60 s as a line.
import { outputOfMessage } from "./output.js";

/** How many seconds the line shows. */
export const SHOWN_S = 60;
// Room above and below the line, in pixels, for the mark of the best second.
const MARGIN = 8;

/**
 * Return {path, best}: SVG path data in a box of this size, with a gap where seconds are missing,
 * and {x, y, output} of the best second; null if there is none.
 */
export function lineOf(messages, width, height) {
  const points = pointsOf(messages);
  if (!points.length) return { path: "", best: null };
  const outputs = points.map((point) => point.output);
  const low = Math.min(...outputs);
  const range = Math.max(...outputs) - low || 1;
  const place = ({ age, output }) => ({
    x: width - MARGIN - (age / (SHOWN_S - 1)) * (width - 2 * MARGIN),
    y: height - MARGIN - ((output - low) / range) * (height - 2 * MARGIN),
  });
  const best = points.reduce((one, other) => (other.output > one.output ? other : one));
  return { path: pathOf(points, place), best: { ...place(best), output: best.output } };
}

function pointsOf(messages) {
  const newest = messages.at(-1)?.deviceTimestamp;
  return messages
    .map((message) => ({
      age: Math.round((newest - message.deviceTimestamp) / 1000),
      output: outputOfMessage(message),
    }))
    .filter(({ age }) => age >= 0 && age < SHOWN_S);
}

function pathOf(points, place) {
  let before = null;
  return points
    .map((point) => {
      const { x, y } = place(point);
      const isNext = before !== null && before - point.age === 1;
      before = point.age;
      return `${isNext ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}
