// The list of a calibration's points, which grows while they are captured.
import { KNOB } from "./text.js";
import { number, rounded } from "./units.js";

/** Return [knob, number, noise] of each target, in words, and which one is turned to now. */
export function rowsOf(targets, nowNumber = null) {
  const areBothWays = new Set(targets.map((target) => target.direction)).size > 1;
  return targets.map(({ percent, direction, point, is_skipped: isSkipped }, index) => {
    const knob = `${number(percent)} %${areBothWays ? ` ${KNOB.way[direction]}` : ""}`;
    const isNow = index + 1 === nowNumber && !point && !isSkipped;
    const value = point ? number(point.raw) : isSkipped ? KNOB.skipped : isNow ? KNOB.here : "";
    return { cells: [knob, value, point ? rounded(point.noise, 1) : ""], isNow };
  });
}

/** Show the rows in the body of a table. Does nothing if they are shown already. */
export function showRows(body, rows) {
  const text = JSON.stringify(rows);
  if (body.dataset.shown === text) return;
  body.dataset.shown = text;
  body.replaceChildren(
    ...rows.map(({ cells, isNow }) => {
      const row = document.createElement("tr");
      if (isNow) row.setAttribute("aria-current", "step");
      row.append(
        ...cells.map((cell, index) => {
          const element = document.createElement(index ? "td" : "th");
          if (!index) element.scope = "row";
          element.textContent = cell;
          return element;
        }),
      );
      return row;
    }),
  );
}
