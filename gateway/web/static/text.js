// The sentences of the pages that do not come from the gateway.
import { clock, counted, ordinalEnding, rounded } from "./units.js";

export const GONE = "The gateway does not answer. This page continues by itself.";

// The rider's page.
export const NOT_SET_UP =
  "This gateway is not set up yet. Run “sudo alleycat-gateway setup” on its computer.";
export const NO_BIKES = "This gateway has no bikes yet.";
export const CONTINUE = "Continue";
export const JOIN = "Join the race";
export const LEAVE = "Leave the race";
export const LEAVE_SURE = "Tap again to leave";
export const NO_ANSWER = "The gateway did not answer. Please try again.";
export const UNCALIBRATED = "not calibrated";

export const STATES = {
  clock: "The clock is not set yet. Every second is kept until it is.",
  looking: "Looking for the bike. Turn the pedals to wake it.",
  idle: "The bike is lost. Turn the pedals to wake it.",
  lost: (missed) => `The bike is lost, and the race goes on. ${counted(missed, "second")} missed.`,
  waiting: (next) => `Pedal to join; next race in ${clock(next)}.`,
  joined: (start) => `You are in the next race. It begins in ${clock(start)}.`,
  soon: (start) => `The next race begins in ${clock(start)}. Pedal to join.`,
  commanded: (name, start) => `${name} rides the next race. It begins in ${clock(start)}.`,
  uncommanded: "Waiting for the backend to start a race.",
  away: "You are racing. The cloud is away, and your seconds are safe here.",
  racing: "You are racing.",
};

/** Return what was achieved in a race that has ended. */
export function finished({ place, best, samples }) {
  const rank = place?.rank ? `${place.rank}${ordinalEnding(place.rank)} of ${place.racers}. ` : "";
  const second = best ? `Best second ${rounded(best.output, 1)} at ${clock(best.second)}. ` : "";
  const sent = typeof samples === "number" ? `${counted(samples, "second")} recorded.` : "";
  return `Finished. ${rank}${second}${sent}`.trim();
}

export const LIGHT = {
  sent: "All sent",
  kept: (amount) => `${amount} safe here, will be sent`,
  sending: (amount) => `Sending ${amount} from the disk`,
  disk: (problem) => `Disk: ${problem}. What is not sent is lost if the gateway stops`,
  room: (left) => `Room for ${left} more; then the oldest seconds are lost`,
  lost: (amount) => `${amount} lost: the buffer had no room`,
  unknown: "Not known while the gateway is away",
};

export const RANK = {
  next: (gap) => `${rounded(gap, 2)} to the next`,
  leader: (gap) => `${rounded(gap, 2)} to the leader`,
  leading: "In the lead",
  unranked: (racers) => `No rank yet, of ${racers}`,
  own: (best) => `of your best, ${rounded(best, 1)}`,
  none: "No best second yet",
  old: (age) => `results of ${counted(Math.round(age), "second")} ago`,
};

/** Return a commanded race in words. `start` is in seconds from now, negative if it has begun. */
export function commandedRace({ name, class_id: classId, length_s: length, race_id: id }, start) {
  const when = start > 0 ? `begins in ${clock(start)}` : "is in progress";
  return `Race ${id} ${when}: ${name}, class ${classId}, ${clock(length)}`;
}

/** Return the age of a value, for a value that is stale. */
export function aged(seconds) {
  return `${Math.round(seconds)} s old`;
}
