// The output of a second, as the backend computes it.

/** Return the output for a cadence in rpm and a resistance in percent; null if one is not known. */
export function outputOf(cadence, resistance) {
  if (typeof cadence !== "number" || typeof resistance !== "number") return null;
  return Math.round((cadence + 35) * (resistance + 65) * 100) / 10_000;
}

/** Return the output of a message. */
export function outputOfMessage(message) {
  return outputOf(message.cadence, message.resistance);
}

/** Return the output of the newest values of a bike; a stale cadence counts as zero. */
export function outputNow(current) {
  const { cadence_rpm: cadence = null, resistance_percent: resistance = null } = current ?? {};
  return outputOf(cadence?.is_stale ? 0 : cadence?.value, resistance?.value);
}
