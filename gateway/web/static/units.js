// Numbers as people read them.

/** Shown for a value that is not known. */
export const UNKNOWN = "–";

/** Return a number without decimals; zero is zero, and null is a dash. */
export function whole(value) {
  return value === null || value === undefined ? UNKNOWN : String(Math.round(value));
}
