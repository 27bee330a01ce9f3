// Numbers as people read them.

/** Shown for a value that is not known. */
export const UNKNOWN = "–";

/** Return a number without decimals; zero is zero, and null is a dash. */
export function whole(value) {
  return rounded(value, 0);
}

/** Return a number with these decimals; null is a dash. */
export function rounded(value, decimals) {
  if (value === null || value === undefined) return UNKNOWN;
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? (0).toFixed(decimals) : text;
}

/** Return a time in seconds as a clock shows it, such as "2:14"; null is a dash. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** Return a count with its noun, such as "1 second" or "300 seconds". */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Return the ending of a rank, such as "rd" of "3rd". */
export function ordinalEnding(rank) {
  const isTeen = Math.floor(rank / 10) % 10 === 1;
  return (!isTeen && ["th", "st", "nd", "rd"][rank % 10]) || "th";
}

/** Return a sensor's number, rounded by its size, such as "437", "436.8" or "0.0437". */
export function number(value) {
  const size = Math.abs(value);
  const places = size >= 100 ? 1 : size >= 1 ? 2 : 4;
  return String(Number(value.toFixed(places)) || 0);
}
