// Cadence, resistance and power: what is shown for a value, and how it is marked.
import { RAW, aged } from "./text.js";
import { UNKNOWN, whole } from "./units.js";

/** Return {text, unit, isStale}: unknown is a dash, zero is zero; a stale value has its age. */
function figureOf(current, unit) {
  if (!current) return { text: UNKNOWN, unit, isStale: false };
  const { value, age_s: age, is_stale: isStale } = current;
  return { text: whole(value), unit: isStale ? aged(age) : unit, isStale };
}

/** Return the figures of a bike: cadence, resistance and power. */
export function figuresOf({ current, sample, is_simulated: isSimulated }) {
  const isRaw = sample?.resistance_source === "uncalibrated" && !isSimulated;
  return {
    cadence: figureOf(current?.cadence_rpm, "rpm"),
    resistance: figureOf(current?.resistance_percent, isRaw ? RAW : "%"),
    power: figureOf(current?.power_w, "W"),
  };
}
