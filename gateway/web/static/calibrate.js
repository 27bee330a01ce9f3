// The guided calibration of one bike, as in a terminal: the gateway asks, this page shows and answers.
import { drawCurve } from "./curve.js";
import { CHANGED_MS, byId, show } from "./dom.js";
import { CAPTURED_MS, capturedBetween, countOf, nowOf, wordsOf } from "./knob.js";
import { rowsOf, showRows } from "./points.js";
import { follow } from "./stream.js";
import { CALIBRATION_ENDS, GONE, KNOB, NO_ANSWER } from "./text.js";
import { hideToken } from "./token.js";
import { wakeLock } from "./wake.js";

const bike = decodeURIComponent(location.pathname.split("/").at(-1));
const place = `calibrate/${encodeURIComponent(bike)}`;
const kept = `dialogue of ${bike}`;
const keepAwake = wakeLock();

let dialogue = null;
let endFollowing = null;
let question = "";
let lastBefore = "";
let answers = "";
let changedAt = 0;
let backup = null;
let before = null;
let captured = null;
let capturedAt = 0;
let notes = [];
let isAsking = false;
let isGone = false;
let problem = "";

// What a tap asks for replaces the problem before; what the page itself asks for does not.
async function ask(what, body) {
  if (body) showProblem("");
  const init = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  try {
    const answer = await fetch(`${place}/${what}`, { cache: "no-store", ...init });
    if (answer.status === 401) location.reload(); // the page that asks for the new token
    const data = await answer.json();
    showGone(false);
    if (data.error === undefined) return data;
    showProblem(data.error);
    return null;
  } catch {
    showProblem(NO_ANSWER);
    return null;
  }
}

function showProblem(text) {
  problem = text;
  drawProblem();
}

function showGone(gone) {
  isGone = gone;
  drawProblem();
}

/** Show what went wrong; that the gateway is gone comes before anything else. */
function drawProblem() {
  show(byId("problem"), isGone ? GONE : problem);
}

/** Ask for one change at a time: a double tap must not ask twice. */
async function askAlone(what, body) {
  if (isAsking) return null;
  isAsking = true;
  const data = await ask(what, body);
  isAsking = false;
  return data;
}

/** Show the state of the bike, unless a dialogue has begun meanwhile, whose end shows the next one. */
function showState(state) {
  if (!state || byId("start").hidden) return;
  show(byId("in-use"), KNOB.inUse(state.in_use) + (state.problem ? ` (${state.problem})` : ""));
  byId("picture").hidden = !state.curve;
  drawCurve(byId("curve"), { curve: state.curve });
  byId("curve").setAttribute("aria-label", KNOB.curve);
  [backup = null] = state.backups;
  byId("rollback").hidden = !backup;
  if (backup) restoreButton().dataset.words = KNOB.rollback(dateOf(backup));
  forgetTap();
}

function dateOf({ made_at: madeAt }) {
  return new Date(madeAt).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function restoreButton() {
  return byId("rollback").querySelector("button");
}

function forgetTap() {
  delete byId("rollback").dataset.sure;
  show(restoreButton(), restoreButton().dataset.words ?? "");
}

async function restore(event) {
  event.preventDefault();
  if (!byId("rollback").dataset.sure) {
    byId("rollback").dataset.sure = "yes";
    changedAt = performance.now();
    show(restoreButton(), KNOB.rollbackSure);
    return;
  }
  if (performance.now() - changedAt < CHANGED_MS) return;
  const state = await askAlone("rollback", { number: backup.number, made_at: backup.made_at });
  forgetTap();
  if (!state) return;
  showState(state);
  for (const part of ["outcome", "announcer"]) show(byId(part), KNOB.restored);
}

async function start(event) {
  event.preventDefault();
  const points = byId("points").value;
  const started = await askAlone("start", {
    points: points ? Number(points) : null,
    both_ways: byId("both-ways").checked,
  });
  if (started) followDialogue(started.dialogue);
}

/** Remember the dialogue beyond a reload of the page, unless the browser blocks its storage. */
function remember(id) {
  dialogue = id;
  try {
    if (id) sessionStorage.setItem(kept, id);
    else sessionStorage.removeItem(kept);
  } catch {
    // A reload of the page then ends the calibration.
  }
}

function remembered() {
  try {
    return sessionStorage.getItem(kept);
  } catch {
    return null;
  }
}

/** Show the state of the bike, and whether the gateway is gone, until a dialogue begins. */
async function showStart() {
  endFollowing?.();
  endFollowing = follow("events?page=rider", {
    gone: () => showGone(true),
    back: () => showGone(false),
  });
  showState(await ask("state.json"));
}

function followDialogue(id) {
  remember(id);
  byId("start").hidden = true;
  byId("dialogue").hidden = false;
  byId("in-use").hidden = true;
  byId("dialogue").focus();
  byId("download").replaceChildren();
  keepAwake(true);
  before = captured = null;
  endFollowing?.();
  endFollowing = follow(`${place}/events?dialogue=${encodeURIComponent(id)}`, {
    hello: () => (notes = []),
    screen: showScreen,
    review: showReview,
    told: hear,
    end: finish,
    beat() {},
    gone: () => showGone(true),
    back: () => showGone(false),
  });
}

function showScreen(screen) {
  const newly = capturedBetween(before, screen);
  const now = performance.now();
  if (newly) [captured, capturedAt] = [newly, now];
  if (now - capturedAt > CAPTURED_MS) captured = null;
  before = screen;
  const words = wordsOf(screen, captured);
  byId("dial").hidden = false;
  byId("review").hidden = true;
  for (const part of ["lead", "big", "doing"]) show(byId(part), words[part]);
  if (screen.question !== question) lastBefore = screen.last;
  const last = screen.last === lastBefore ? "" : screen.last;
  show(byId("last"), last);
  show(byId("count"), countOf(screen));
  show(byId("now"), nowOf(screen.figures));
  byId("ring").setAttribute("stroke-dashoffset", 100 - 100 * words.share);
  const isOnTrial = screen.answers.includes("save");
  show(byId("announcer"), last || `${words.lead} ${isOnTrial ? words.doing : words.big}`);
  const points = screen.targets.map((target) => target.point).filter(Boolean);
  const here = screen.curve ? screen.figures.filtered : null;
  showPoints(screen.targets, screen.step?.number, { points, curve: screen.curve, here });
  show(byId("legend"), notes.join(" "));
  offer(screen);
}

function showReview(review) {
  byId("dial").hidden = true;
  byId("review").hidden = false;
  show(byId("doing"), "");
  show(byId("last"), "");
  show(byId("question"), review.question);
  show(byId("announcer"), review.question);
  const findings = [...review.findings].sort((one, other) => urgencyOf(other) - urgencyOf(one));
  showList(byId("findings"), findings.map(findingOf));
  showList(byId("changes"), review.changes.map((words) => [words]));
  const targets = review.points.map((point) => ({ ...point, point }));
  const { points, curve, old_curve: oldCurve, here } = review;
  showPoints(targets, null, { points, curve, oldCurve, here });
  show(byId("legend"), oldCurve ? KNOB.was(review.old_from) : "");
  offer(review);
}

function urgencyOf({ state }) {
  return ["ok", "warning", "failed"].indexOf(state);
}

function findingOf({ state, what, remedy }) {
  return [`${KNOB.marks[state]} ${what}`, remedy, state];
}

function showList(list, items) {
  const text = JSON.stringify(items);
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(
    ...items.map(([words, remedy = "", state = ""]) => {
      const item = document.createElement("li");
      item.className = state;
      item.append((remedy ? `${words}: ${remedy}` : words).replaceAll(" %", "\u00a0%"));
      return item;
    }),
  );
}

function showPoints(targets, number, drawn) {
  byId("picture").hidden = false;
  byId("table").hidden = !targets.length;
  showRows(byId("rows"), rowsOf(targets, number));
  drawCurve(byId("curve"), drawn);
  byId("curve").setAttribute("aria-label", KNOB.curveThrough(drawn.points.length));
}

function offer(asked) {
  question = asked.question;
  const text = asked.answers.join(" ");
  if (text === answers) return;
  answers = text;
  changedAt = performance.now();
  const hadFocus = byId("buttons").contains(document.activeElement);
  byId("buttons").replaceChildren(...asked.answers.map(buttonOf));
  if (hadFocus) byId("buttons").querySelector("button")?.focus();
}

function buttonOf(word) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.word = word;
  button.className = ["accept", "save", "capture"].includes(word) ? "main" : "other";
  button.textContent = KNOB.answers[word];
  button.addEventListener("click", () => press(word));
  return button;
}

function press(word) {
  if (performance.now() - changedAt < CHANGED_MS) return;
  ask("answer", { dialogue, question, word });
}

function hear({ kind, data }) {
  if (kind === "spot") notes.push(KNOB.spot(data));
  if (kind === "verify") notes.push(KNOB.verify);
}

async function finish({ outcome, why, file }) {
  remember(null);
  keepAwake(false);
  question = answers = "";
  byId("buttons").replaceChildren();
  byId("dialogue").hidden = true;
  byId("start").hidden = false;
  byId("in-use").hidden = false;
  byId("start").focus();
  byId("table").hidden = true;
  const words = CALIBRATION_ENDS[outcome] ?? why;
  for (const part of ["outcome", "announcer"]) show(byId(part), words);
  show(byId("legend"), notes.join(" "));
  if (file) byId("download").replaceChildren(linkTo(file));
  showStart();
}

function linkTo(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file], { type: "application/json" }));
  link.download = `${bike}.calibration.json`;
  link.textContent = KNOB.download;
  return link;
}

hideToken();
show(byId("title"), KNOB.title(bike));
document.title = `Alleycat: ${KNOB.title(bike)}`;
byId("begin").addEventListener("submit", start);
// Until now, the browser itself would have sent the form.
byId("begin").querySelector("button").disabled = false;
byId("rollback").addEventListener("submit", restore);
byId("rollback").addEventListener("focusout", forgetTap);
// Safari does not focus a tapped button: a tap elsewhere takes no focus from it.
document.addEventListener("pointerdown", ({ target }) => {
  if (!byId("rollback").contains(target)) forgetTap();
});
const earlier = remembered();
if (earlier) followDialogue(earlier);
else showStart();
