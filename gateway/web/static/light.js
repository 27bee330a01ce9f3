// The one light: whether every second is in the cloud, safe on disk, or in danger.
import { DANGER, LIGHT } from "./text.js";
import { counted } from "./units.js";

// Messages per bike that are on their way rather than kept.
const ON_THEIR_WAY = 5;
// Room for less racing than this, in hours, is a danger while the cloud is away.
const SHORT_OF_ROOM_H = 1;
const SIGNS = { sent: "✓", kept: "■", danger: "!" };

/** Return {level, sign, text}; the sign differs in shape, so that no one needs the colour. */
export function lightOf(report) {
  const isInDanger = dangerOf(report) !== null;
  const [level, text] = isInDanger ? ["danger", LIGHT.danger] : (kept(report) ?? ["sent", LIGHT.sent]);
  return { level, sign: SIGNS[level], text };
}

/** Return in one sentence what is lost, or soon will be; null if nothing is. */
export function dangerOf({ gateway, hours_left: hoursLeft }) {
  const { buffer } = gateway;
  if (buffer.problem) {
    return DANGER.disk(amountOf(gateway, buffer.depth - buffer.on_disk), buffer.problem);
  }
  if (!isAway(gateway) || hoursLeft === null || hoursLeft >= SHORT_OF_ROOM_H) return null;
  const minutesLeft = Math.round(hoursLeft * 60);
  return minutesLeft ? DANGER.room(counted(minutesLeft, "minute")) : DANGER.full;
}

function kept({ gateway }) {
  const { buffer, bikes } = gateway;
  const count = buffer.depth + buffer.unnamed;
  const isKept = isAway(gateway) || !gateway.clock_is_set;
  if (count <= (isKept ? 0 : ON_THEIR_WAY * bikes.length)) return null;
  const amount = amountOf(gateway, count);
  return ["kept", isKept ? LIGHT.kept(amount) : LIGHT.sending(amount)];
}

function isAway({ cloud }) {
  return cloud.connected < cloud.connections;
}

/** A message is a second of one bike. */
function amountOf({ bikes }, count) {
  return bikes.length === 1 ? `${count.toLocaleString("en")} s` : counted(count, "message");
}
