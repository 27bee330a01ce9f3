// The sentences of the pages that do not come from the gateway.
import { clock, counted, ordinalEnding, rounded } from "./units.js";

// The show.
export const DEMO_GONE = "The race does not answer. If it has ended, start it again.";
export const NOT_SWITCHED = "The network was not switched: the race does not answer.";
export const NETWORK = {
  on: "on",
  cut: "cut",
  toCut: "Press to cut it: the gateways keep their messages.",
  toRestore: "Press to restore it: the gateways send what they have kept.",
};
export const RACE_OVER = "The race is over.";
export const BROKEN_OFF = "The race was aborted.";
export const ALL_CLASSES = "all";
export const classNamed = (id) => `class ${id}`;
export const moreRacers = (count) => (count ? `… and ${count.toLocaleString("en")} more` : "");

export const GONE = "The gateway does not answer. This page reconnects by itself.";

export const WRONG_TOKEN =
  "This token is not valid. It may have been replaced: open the link that `sudo alleycat-gateway " +
  "web` prints.";

// The owner's page.
export const CHECK_RUNS = "The check is running …";

// The rider's page.
export const NOT_SET_UP =
  "This gateway is not set up yet. Run `sudo alleycat-gateway setup` on its computer.";
export const NO_BIKES = "This gateway has no bikes yet.";
export const CONTINUE = "Continue";
export const JOIN = "Join race";
export const LEAVE = "Leave race";
export const LEAVE_SURE = "Really leave?";
export const NO_ANSWER = "The gateway did not answer. Please try again.";
// Takes the place of the unit of a bike that is not calibrated: its own number is no percentage.
export const RAW = "raw";

export const STATES = {
  clock: "The clock is not set yet. Every second is kept until it is.",
  looking: (reason) => `Looking for the bike${because(reason)}. Turn the pedals to wake it.`,
  idle: (reason) => `The bike is lost${because(reason)}. Turn the pedals to wake it.`,
  lost: (missed, reason) =>
    `The bike is lost, and the race goes on. ${counted(missed, "second")} missed${because(reason)}.`,
  waiting: (next) => `Pedal to join; next race in ${clock(next)}.`,
  joined: (start) => `You are in the next race. It begins in ${clock(start)}.`,
  soon: (start) => `The next race begins in ${clock(start)}. Pedal to join.`,
  commanded: (name, start) => `${name} rides the next race. It begins in ${clock(start)}.`,
  uncommanded: "Waiting for the backend to start a race.",
  away: "You are racing. The cloud cannot be reached; your seconds are safe here.",
  racing: (classId) => `You are racing in class ${classId}.`,
  changing: (name) => `You are racing. ${name} rides from the next race on.`,
};

function because(reason) {
  return reason ? `: ${reason}` : "";
}

/** Return what was achieved in a race that has ended; `rider`: a name, or null for the bike's rider. */
export function finished({ rider, place, best, samples }, areSent) {
  const end = rider === null ? "Finished." : `${rider} has finished.`;
  const rank = place?.rank ? `${place.rank}${ordinalEnding(place.rank)} of ${place.racers}. ` : "";
  const second = best ? `Best second ${rounded(best.output, 1)} at ${clock(best.second)}. ` : "";
  const where = areSent ? "sent" : "kept here, to be sent";
  const seconds = typeof samples === "number" ? `${counted(samples, "second")} ${where}.` : "";
  return `${end} ${rank}${second}${seconds}`.trim();
}

export const LIGHT = {
  sent: "All sent",
  kept: (amount) => `${amount} safe here, will be sent`,
  sending: (amount) => `Sending ${amount} from the disk`,
  danger: "In danger",
  unknown: "Unknown while the gateway does not answer",
};

// Why seconds are in danger, and which.
export const DANGER = {
  disk: (amount, problem) => `${amount} lost if the gateway stops. Disk: ${problem}.`,
  room: (left) => `The cloud cannot be reached. In ${left}, the oldest seconds will be lost.`,
  full: "The cloud cannot be reached, and there is no room left: the oldest seconds are lost.",
};

export const RANK = {
  next: "to next",
  leader: "to leader",
  leading: "You lead",
  unranked: "Your first result is on its way",
  own: "your best",
  old: (age) => `results from ${counted(Math.round(age), "second")} ago`,
};

/** Return a commanded race in words. */
export function commandedRace(race) {
  const { name, class_id: classId, length_s: length, race_id: id, starts_in_s: start } = race;
  const when = start === null ? "is in progress" : `begins in ${clock(start)}`;
  return `Race ${id} ${when}: ${name}, class ${classId}, ${clock(length)}`;
}

/** Return the age of a value, for a value that is stale. */
export function aged(seconds) {
  return `${Math.round(seconds)} s old`;
}

// The calibration page.
export const KNOB = {
  title: (bike) => `Calibrate ${bike}`,
  inUse: (words) => `In use: ${words}`,
  wait: "One moment",
  links: {
    connecting: (reason) => `Looking for the bike${because(reason)}`,
    lost: (reason) => `The bike is lost${because(reason)}`,
  },
  turn: "Turn to",
  turnDown: "Down to",
  hold: "Hold",
  captured: "Captured",
  trial: "On trial",
  now: (percent, raw) => `now ${percent}, the bike’s number is ${raw}`,
  count: (number, count) => `${number} of ${count}`,
  way: { up: "up", down: "down" },
  here: "turn to it",
  skipped: "skipped",
  was: (words) => `dashed: ${words}`,
  curve: "Curve in use: percent against the bike’s number",
  curveThrough: (count) =>
    `Curve through ${counted(count, "point")}: percent against the bike’s number`,
  verify: "The bike has a table of its own, which is checked at 25, 50 and 75 %.",
  spot: ({ percent, says_percent: found }) => `At ${percent} % the gateway reports ${rounded(found, 1)} %.`,
  rollback: (date) => `Restore the calibration of ${date}`,
  rollbackSure: "Tap again to restore it",
  restored: "The earlier calibration is restored and in use now.",
  download: "Save the captured points as a file",
  answers: {
    capture: "Capture now",
    redo: "Redo the last",
    skip: "Skip",
    quit: "Discard",
    accept: "Accept",
    undo: "Back to the review",
    save: "Save",
  },
  marks: { ok: "✓", warning: "!", failed: "✗" },
};

/** The end of a calibration, by its outcome; `why` comes from the gateway. */
export const CALIBRATION_ENDS = {
  saved: "Saved, and in use now.",
  quit: "Discarded: nothing was changed.",
  right: "The bike’s own table is right: every value is within 3 percentage points of the knob.",
  wrong: "The bike’s own table is not confirmed. To calibrate the bike instead, choose 5 points.",
  left:
    "The calibration ended because this page was closed or offline for more than ten seconds. " +
    "Nothing was changed. Start again to calibrate the bike.",
  stopped:
    "The gateway was stopped, and the calibration with it. Nothing was changed. Start again to " +
    "calibrate the bike.",
  unknown:
    "The calibration has ended. If you had not chosen “Save”, nothing was changed: start again.",
};
