// The show: a race of the demo or of a fleet, for a projector.

import { byId, show } from "./dom.js";
import { Leaderboard } from "./leaderboard.js";
import { patched } from "./patch.js";
import { Rate } from "./rate.js";
import * as parts from "./show.js";
import { classesOf, listed } from "./standings.js";
import { follow } from "./stream.js";
import { ALL_CLASSES, DEMO_GONE, NOT_SWITCHED, classNamed, moreRacers } from "./text.js";

// The page shows no more racers at once, however many ride.
const RACERS_SHOWN = 20;

const board = new Leaderboard(byId("board"));
let scene = {};
let rate = new Rate();
let classId = null;
// Why the network was not switched, until the next tap.
let refusal = "";
let isOver = false;

function draw() {
  parts.showRace(scene, refusal);
  parts.showNetwork(scene);
  parts.showGateways(scene.gateways);
  parts.showMessages(scene);
  // The last count is the one that is nearest to the backend.
  const arrived = Object.values(scene.counts).at(-1);
  parts.showFigures(rate.add(scene.at_ms, arrived), scene.delay_ms);
  drawBoard();
}

function drawBoard() {
  const racers = scene.racers ?? {};
  const all = listed(racers, { classId, search: byId("search").value });
  board.show(all.slice(0, RACERS_SHOWN));
  byId("finder").hidden = Object.keys(racers).length <= RACERS_SHOWN;
  show(byId("more"), moreRacers(Math.max(0, all.length - RACERS_SHOWN)));
  drawClasses(classesOf(racers));
}

function drawClasses(classes) {
  const group = byId("classes");
  group.hidden = classes.length < 2;
  if (group.children.length === classes.length + 1) return;
  group.replaceChildren(...[null, ...classes].map(classButton));
}

function classButton(id) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = id === null ? ALL_CLASSES : classNamed(id);
  button.setAttribute("aria-pressed", String(id === classId));
  button.addEventListener("click", () => {
    classId = id;
    for (const other of byId("classes").children) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    drawBoard();
  });
  return button;
}

async function switchNetwork() {
  refusal = "";
  const answer = await fetch("network", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ is_up: !scene.network_is_up }),
  }).catch(() => null);
  if (!answer?.ok) refusal = NOT_SWITCHED;
  if (!isOver) parts.showTrouble(scene, refusal);
}

function end() {
  isOver = true;
  leave();
}

byId("network").addEventListener("click", switchNetwork);
byId("search").addEventListener("input", drawBoard);

const leave = follow("events", {
  hello() {
    scene = {};
    refusal = "";
    rate = new Rate();
    byId("ticker").replaceChildren();
  },
  scene(change) {
    scene = patched(scene, change);
    draw();
  },
  news: parts.showNews,
  account(account) {
    parts.showAccount(account);
    end();
  },
  broken_off() {
    parts.showBrokenOff();
    end();
  },
  beat() {},
  gone: () => show(byId("trouble"), DEMO_GONE),
  back: () => show(byId("trouble"), ""),
});
