// The state of one bike for its rider: a name, one sentence, and at most one button.
import { dangerOf, lightOf } from "./light.js";
import { CONTINUE, GONE, JOIN, LEAVE, NOT_SET_UP, STATES, finished } from "./text.js";

const JOINING = { label: JOIN, action: "join" };
const LEAVING = { label: LEAVE, action: "leave" };
const DISMISSING = { label: CONTINUE, action: "dismiss" };

/**
 * Return the state {name, sentence, button}; `button` is null or {label, action}.
 *
 * `finish`: what was achieved in a race that has just ended, or null.
 */
export function stateOf(report, bike, { isGone = false, finish = null } = {}) {
  const { gateway } = report;
  const [name, sentence, button] =
    (isGone && ["gone", GONE]) ||
    (!gateway.is_set_up && ["new", NOT_SET_UP]) ||
    withoutBike(bike) ||
    (!gateway.clock_is_set && ["clock", STATES.clock]) ||
    (finish && ["finished", endOf(finish, report, bike), DISMISSING]) ||
    racing(report, bike);
  return { name, sentence, button: isOffered(gateway, button) ? button : null };
}

/** Return whether the rider takes part in a race in progress. */
export function isRacing(bike) {
  return bike.race_id !== null && !bike.not_joined && bike.starts_in_s === null;
}

/** Return the seconds until the race in progress ends; null if none is. */
export function secondsLeft(bike) {
  if (bike.second === null || bike.race_length_s === null || bike.starts_in_s !== null) return null;
  return bike.race_length_s - bike.second + 1;
}

function withoutBike(bike) {
  const { reason } = bike;
  if (bike.state === "connecting") return ["looking", STATES.looking(reason)];
  if (bike.state !== "lost") return null;
  if (!isRacing(bike)) return ["looking", STATES.idle(reason)];
  const missed = Math.min(Math.floor(bike.state_s), bike.second);
  return ["lost", STATES.lost(missed, reason)];
}

/** Return the end of a race in words, with the name of a rider who has left the bike since. */
function endOf(finish, report, bike) {
  const rider = finish.racerId === bike.racer_id ? null : finish.name;
  return finished({ ...finish, rider }, lightOf(report).level === "sent");
}

function racing(report, bike) {
  const { gateway } = report;
  if (bike.race_id === null) return ["waiting", STATES.uncommanded];
  if (bike.starts_in_s !== null) return coming(gateway, bike);
  if (bike.not_joined) return ["waiting", STATES.waiting(secondsLeft(bike)), JOINING];
  const danger = dangerOf(report);
  if (danger) return ["danger", danger, LEAVING];
  const isAway = gateway.cloud.connected < gateway.cloud.connections;
  if (isAway) return ["away", STATES.away, LEAVING];
  const { next_racer_name: next, class_id: classId } = bike;
  return ["racing", next ? STATES.changing(next) : STATES.racing(classId), LEAVING];
}

function coming(gateway, bike) {
  const { starts_in_s: start, racer_name: name } = bike;
  if (gateway.race_mode === "remote") return ["waiting", STATES.commanded(name, start)];
  if (bike.not_joined) return ["waiting", STATES.soon(start), JOINING];
  return ["waiting", STATES.joined(start), LEAVING];
}

function isOffered(gateway, button) {
  return Boolean(button) && (gateway.race_mode !== "remote" || button.action === "dismiss");
}
