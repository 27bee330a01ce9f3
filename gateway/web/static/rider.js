// The rider's page: a card for each bike, from one stream of events.
import { Bests } from "./bests.js";
import { BikeCard } from "./card.js";
import { openChooser } from "./chooser.js";
import { byId, mark, show } from "./dom.js";
import { History } from "./history.js";
import { isRacing } from "./state.js";
import { follow } from "./stream.js";
import { GONE, NO_ANSWER, NO_BIKES, NOT_SET_UP } from "./text.js";
import { hideToken } from "./token.js";
import { wakeLock } from "./wake.js";

const bests = new Bests();
const histories = new Map();
const cards = new Map();
const keepAwake = wakeLock();
let report = null;
let isGone = false;
let version = null;
let announced = "";
let chosen = null;

function historyOf(bikeId) {
  if (!histories.has(bikeId)) histories.set(bikeId, new History(bests));
  return histories.get(bikeId);
}

function cardOf(bikeId) {
  if (!cards.has(bikeId)) cards.set(bikeId, new BikeCard(historyOf(bikeId), actions));
  return cards.get(bikeId);
}

const actions = {
  choose: (bike) => openChooser(report, bike, (request) => actions.ride(bike, request)),
  dismiss(bike) {
    historyOf(bike.bike_id).dismiss();
    draw();
  },
  async ride(bike, request) {
    const card = cardOf(bike.bike_id);
    try {
      const answer = await fetch("ride", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...request, bike_id: bike.bike_id }),
      });
      const { text, warning } = await answer.json();
      card.tell(warning ? `${text}. ${warning}` : text);
    } catch {
      card.tell(NO_ANSWER);
    }
    announce(card.answer);
  },
};

/** Return the id of the bike that fills the screen, or null for all of them as cards. */
function selected(bikes) {
  const wanted = location.hash.slice(1);
  const names = (bike) => [bike.bike_id, encodeURIComponent(bike.bike_id)];
  const found = bikes.find((bike) => names(bike).includes(wanted));
  return (found ?? (bikes.length === 1 ? bikes[0] : null))?.bike_id ?? null;
}

function draw() {
  if (!report) return;
  const { bikes, is_set_up: isSetUp } = report.gateway;
  chosen = selected(bikes);
  arrange(bikes);
  const states = bikes.map((bike) => [bike, cardOf(bike.bike_id).update(report, bike, isGone)]);
  const notice = (isGone && GONE) || (!isSetUp && NOT_SET_UP) || NO_BIKES;
  show(byId("notice"), bikes.length ? "" : notice);
  keepAwake(!isGone && bikes.some(isRacing));
  const heard = states.find(([bike]) => bike.bike_id === chosen)?.[1];
  const key = `${chosen} ${heard?.name} ${isGone}`;
  if (key !== announced) announce(heard?.sentence ?? (isGone ? GONE : ""));
  announced = key;
}

/** Show one bike or all of them. The link that had the focus is hidden now: another gets it. */
function turn() {
  const before = chosen;
  draw();
  if (chosen !== before) cards.get(chosen ?? before)?.focus();
}

/** Put the cards in the order of the bikes, and let one fill the screen if it is chosen. */
function arrange(bikes) {
  const wanted = bikes.map((bike) => cardOf(bike.bike_id).root);
  const shown = byId("bikes");
  const isArranged = wanted.every((root, at) => shown.children[at] === root);
  if (!isArranged || wanted.length !== shown.children.length) shown.replaceChildren(...wanted);
  mark(document.body, "data-view", chosen === null ? "all" : "one");
  mark(document.body, "data-several", bikes.length > 1);
  bikes.forEach((bike, at) => {
    wanted[at].hidden = chosen !== null && bike.bike_id !== chosen;
  });
}

function announce(text) {
  show(byId("announcer"), text);
}

function add(messages) {
  for (const id of new Set(messages.map((message) => message.bikeId))) {
    historyOf(id).addAll(messages.filter((message) => message.bikeId === id));
    cards.get(id)?.drawLine();
  }
}

hideToken();
window.addEventListener("hashchange", turn);

follow("events?page=rider", {
  hello(hello) {
    if (version !== null && version !== hello.version) location.reload();
    version = hello.version;
  },
  status(status) {
    report = status;
    for (const bike of report.gateway.bikes) historyOf(bike.bike_id).ranked(bike);
    draw();
  },
  seconds: add,
  second: (message) => add([message]),
  gone() {
    isGone = true;
    draw();
    if (!report) show(byId("notice"), GONE);
  },
  back() {
    isGone = false;
    draw();
  },
});
