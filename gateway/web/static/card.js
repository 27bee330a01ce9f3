// One bike on the page: everything that its rider sees, drawn from one status.
import { CHANGED_MS, copyOf, mark, show } from "./dom.js";
import { figuresOf } from "./figures.js";
import { lightOf } from "./light.js";
import { lineOf } from "./line.js";
import { outputNow } from "./output.js";
import { rankOf } from "./rank.js";
import { isRacing, secondsLeft, stateOf } from "./state.js";
import { LEAVE_SURE, LIGHT } from "./text.js";
import { UNKNOWN, clock, rounded } from "./units.js";

// The last seconds of a race, in which the time left stands out.
const LAST_S = 10;
// How long the button asks for a second tap, in ms: a wet hand taps by accident.
const SURE_MS = 4000;
// How long the gateway's answer to a request replaces the sentence, in ms.
const ANSWER_MS = 6000;

/**
 * The part of the page that shows one bike.
 *
 * `history`: its seconds. `actions`: {ride(bike, action), choose(bike), dismiss(bike)}.
 */
export class BikeCard {
  constructor(history, actions) {
    const { root, parts } = copyOf("bike");
    this.root = root;
    this.parts = parts;
    this.history = history;
    this.actions = actions;
    this.button = null;
    this.isSure = false;
    this.changedAt = -Infinity;
    this.answer = null;
    this.forgetting = null;
    this.calming = null;
    parts.name.addEventListener("click", () => actions.choose(this.bike));
    parts.act.addEventListener("click", () => this.act());
    new ResizeObserver(() => this.drawLine()).observe(parts.line);
  }

  /** Show a status of this bike; with `isGone`, the last one before the gateway went away. */
  update(report, bike, isGone) {
    this.bike = bike;
    const { finish } = this.history;
    const state = stateOf(report, bike, { isGone, finish });
    this.state = state;
    mark(this.root, "data-state", state.name);
    this.drawSentence();
    this.drawHead(report, bike, isGone);
    this.drawButton(state.button);
    this.drawTime(isGone ? null : secondsLeft(bike), bike);
    this.drawOutput(bike, state.name === "finished" ? finish : null);
    this.drawFigures(bike, isGone);
    this.drawLight(report, isGone);
    return state;
  }

  /** Give the focus to the link that leads to the other view. */
  focus() {
    const { back, open } = this.parts;
    const isShown = open.offsetParent !== null;
    (isShown ? open : back).focus();
  }

  drawSentence() {
    const { name, sentence } = this.state;
    show(this.parts.sentence, name === "gone" ? sentence : (this.answer ?? sentence));
  }

  drawHead({ gateway }, bike, isGone) {
    const { name, open } = this.parts;
    const rider = bike.next_racer_name && !isRacing(bike) ? bike.next_racer_name : bike.racer_name;
    const others = gateway.riders.length + (bike.own_rider?.class_ids.length ?? 1) > 1;
    show(name, rider);
    mark(name, "aria-label", `${rider}, on ${bike.bike_id}`);
    name.disabled = isGone || !(others || bike.commanded.length);
    mark(open, "href", `#${encodeURIComponent(bike.bike_id)}`);
    mark(open, "aria-label", `Show ${bike.bike_id} on the whole screen`);
  }

  drawButton(button) {
    if (this.button?.action !== button?.action) {
      this.isSure = false;
      if (this.button) this.changedAt = performance.now();
    }
    this.button = button;
    const { act } = this.parts;
    act.hidden = !button;
    if (button) show(act, this.isSure ? LEAVE_SURE : button.label);
  }

  drawTime(left, bike) {
    const { time, timeBar } = this.parts;
    const isRunning = left !== null;
    timeBar.style.setProperty("--share", isRunning ? left / bike.race_length_s : 0);
    mark(this.root, "data-last", isRunning && left <= LAST_S && isRacing(bike));
    show(this.parts.clock, isRunning ? clock(left) : UNKNOWN);
    mark(time, "data-running", isRunning);
  }

  drawOutput(bike, finish) {
    const { parts, history } = this;
    const best = finish ? finish.best.output : history.bests.ofRace(bike);
    const record = finish ? finish.record : history.bests.record(bike);
    const output = finish ? finish.output : outputNow(bike.current);
    const place = finish ? finish.place : bike.place;
    const own = Math.max(best ?? 0, record ?? 0) || null;
    const rank = rankOf(place, output, own);
    this.drawRank(rank, place);
    show(parts.outputTitle, finish ? "Result" : "Output");
    show(parts.output, rounded(output, 1));
    this.drawBar(output, best, record);
  }

  drawRank(rank, place) {
    const { parts } = this;
    show(parts.rankTitle, place ? "Rank" : "Of your best");
    show(parts.rankFigure, rank.figure);
    show(parts.rankEnding, rank.ending);
    show(parts.rankOf, rank.of);
    show(parts.rankNote, rank.note);
    for (const at of [0, 1]) {
      const [gap, to] = rank.gaps[at] ?? ["", ""];
      show(parts[`gap${at}`], gap);
      show(parts[`gapTo${at}`], to);
    }
    mark(parts.rank, "data-stale", rank.isOld);
    mark(parts.rank, "data-own", !place);
    mark(parts.rank, "data-long", Boolean(rank.of) && rank.figure.length > 2);
    mark(parts.rankFigure.parentElement, "data-long", rank.figure.length > 3);
  }

  drawBar(output, best, record) {
    const { parts } = this;
    const top = Math.max(output ?? 0, best ?? 0, record ?? 0) || 1;
    const shares = { output, best, record };
    for (const [name, value] of Object.entries(shares)) {
      parts.bar.style.setProperty(`--${name}`, (value ?? 0) / top);
      mark(parts.bar, `data-no-${name}`, value === null);
    }
    show(parts.best, `▲ this race ${rounded(best, 1)}`);
    show(parts.record, `◆ record ${rounded(record, 1)}`);
  }

  drawFigures(bike, isGone) {
    for (const [name, figure] of Object.entries(figuresOf(bike))) {
      show(this.parts[name], figure.text);
      mark(this.parts[name], "data-long", figure.text.length > 3);
      show(this.parts[`${name}Unit`], figure.unit);
      mark(this.parts[`${name}Box`], "data-stale", figure.isStale || isGone);
    }
  }

  drawLight(report, isGone) {
    const { light, lightSign, lightText } = this.parts;
    const { level, sign, text } = isGone
      ? { level: "unknown", sign: "?", text: LIGHT.unknown }
      : lightOf(report);
    mark(light, "data-level", level);
    show(lightSign, sign);
    show(lightText, text);
  }

  drawLine() {
    const { line, lineBest } = this.parts;
    const { clientWidth: width, clientHeight: height } = line;
    if (!width) return;
    const { path, best } = lineOf(this.history.messages, width, height);
    mark(line.firstElementChild, "d", path);
    mark(line.lastElementChild, "cx", best ? best.x.toFixed(1) : -100);
    mark(line.lastElementChild, "cy", best ? best.y.toFixed(1) : -100);
    show(lineBest, best ? `● ${rounded(best.output, 1)}` : "");
  }

  act() {
    if (performance.now() - this.changedAt < CHANGED_MS) return;
    const { action } = this.button;
    if (action === "dismiss") {
      this.actions.dismiss(this.bike);
    } else if (action === "leave" && !this.isSure) {
      this.isSure = true;
      this.changedAt = performance.now();
      show(this.parts.act, LEAVE_SURE);
      this.calming = setTimeout(() => this.calm(), SURE_MS);
    } else {
      this.calm();
      this.actions.ride(this.bike, { action });
    }
  }

  calm() {
    clearTimeout(this.calming);
    this.isSure = false;
    this.drawButton(this.button);
  }

  /** Show the answer to a request for a while in place of the sentence, unless the gateway is gone. */
  tell(text) {
    this.answer = text;
    this.drawSentence();
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => this.forget(), ANSWER_MS);
  }

  forget() {
    this.answer = null;
    this.drawSentence();
  }
}
