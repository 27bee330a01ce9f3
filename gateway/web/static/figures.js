// Cadence, resistance and power: what is shown for a value, and how it is marked.
import { UNCALIBRATED, aged } from "./text.js";
import { UNKNOWN, whole } from "./units.js";

// A value without news for this long, in seconds, shows its age; the pedals' own pace is faster.
const AGE_SHOWN_S = 3;

/** Return {text, note, isStale}: unknown is a dash, zero is zero, a stale value has its age. */
export function figureOf(current) {
  if (!current) return { text: UNKNOWN, note: "", isStale: false };
  const isStale = current.is_stale;
  const note = isStale && current.age_s >= AGE_SHOWN_S ? aged(current.age_s) : "";
  return { text: whole(current.value), note, isStale };
}

/** Return the figure of a resistance, with a remark if its number is no percentage yet. */
export function resistanceOf(bike) {
  const figure = figureOf(bike.current?.resistance_percent);
  const isRaw = bike.sample?.resistance_source === "uncalibrated" && !bike.is_simulated;
  return isRaw && !figure.note ? { ...figure, note: UNCALIBRATED } : figure;
}
