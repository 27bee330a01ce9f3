// What the rider's right hand has to do, in a few huge words, and a ring that fills.
import { KNOB } from "./text.js";
import { number, rounded } from "./units.js";

/** How long a captured number stays on the screen, in ms. */
export const CAPTURED_MS = 1500;

/** Return the target that was captured between two screens; null if there is none. */
export function capturedBetween(before, screen) {
  const newly = (target, index) => target.point && !before.targets[index]?.point;
  return before?.targets.length === screen.targets.length
    ? (screen.targets.find(newly) ?? null)
    : null;
}

/**
 * Return {lead, big, doing, share} of a screen: two lines of huge words, one small one, and the share
 * of the ring. `captured`: a target whose number is still to be seen.
 */
export function wordsOf(screen, captured) {
  const { figures, step, targets, answers } = screen;
  if (figures.link !== "connected") {
    return { lead: KNOB.wait, big: "", doing: KNOB.links[figures.link](figures.reason), share: 0 };
  }
  const doing = figures.warnings[0] ?? step?.doing ?? "";
  if (answers.includes("save")) {
    return { lead: KNOB.trial, big: percent(wholePercent(figures)), doing: screen.question, share: 0 };
  }
  if (captured) {
    return { lead: KNOB.captured, big: number(captured.point.raw), doing, share: 1 };
  }
  const target = targets[(step?.number ?? 0) - 1];
  if (!target) return { lead: KNOB.wait, big: "", doing: doing || screen.question, share: 0 };
  const share = step.hold ?? 0;
  const turn = target.direction === "down" ? KNOB.turnDown : KNOB.turn;
  return { lead: share > 0 ? KNOB.hold : turn, big: percent(target.percent), doing, share };
}

/** Return the live value in words: in percent, and the bike's own number. */
export function nowOf(figures) {
  return figures.raw === null ? "" : KNOB.now(percent(wholePercent(figures)), number(figures.raw));
}

/** Return where the dialogue is, such as "3 of 5"; empty when all targets are done. */
export function countOf({ step, targets, answers }) {
  if (!step || !targets.length || answers.includes("save")) return "";
  return KNOB.count(step.number, step.count);
}

function wholePercent({ percent: now }) {
  return now === null ? null : Math.round(now);
}

function percent(value) {
  return `${rounded(value, Number.isInteger(value) ? 0 : 1)} %`;
}
