// The parts of the show other than its leaderboard. Each function draws one part of a scene.

import { byId, mark, show } from "./dom.js";
import { STATES, counted, dots } from "./dots.js";
import { BROKEN_OFF, NETWORK, RACE_OVER } from "./text.js";
import { UNKNOWN } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";
const NEWS_SHOWN = 8;

/** Show who races, the second, what is wrong (as showTrouble does), and the race as a bar. */
export function showRace(scene, refusal) {
  show(byId("heading"), `Alleycat: ${scene.heading}`);
  show(byId("when"), scene.when);
  showTrouble(scene, refusal);
  const isRacing = scene.stage === "racing" || scene.stage === "arriving";
  mark(byId("ridden"), "width", share(isRacing ? scene.second : 0, scene.race_s));
  if (scene.outage) {
    const { from_s: startS, to_s: endS } = scene.outage;
    mark(byId("outage"), "x", share(startS, scene.race_s));
    mark(byId("outage"), "width", share(Math.min(endS, scene.race_s) - startS, scene.race_s));
  }
}

/** Show what is wrong; above all, the reason why the network was not switched, if it is not empty. */
export function showTrouble(scene, refusal) {
  show(byId("trouble"), refusal || scene.troubles.join(" · "));
}

function share(part, whole) {
  return `${(100 * part) / whole}%`;
}

/** Show whether the network is up, if there is one to switch. */
export function showNetwork(scene) {
  mark(byId("network-part"), "hidden", scene.network_is_up === undefined);
  mark(byId("network"), "aria-checked", String(scene.network_is_up));
  show(byId("network-state"), scene.network_is_up ? NETWORK.on : NETWORK.cut);
  show(byId("network-hint"), scene.network_is_up ? NETWORK.toCut : NETWORK.toRestore);
}

/** Show messages a second, and the delay in ms, as far as they are known. */
export function showFigures(perS, delayMs) {
  show(byId("rate"), perS === null ? UNKNOWN : Math.round(perS).toLocaleString("en"));
  show(byId("delay"), delayMs === undefined ? UNKNOWN : `${(delayMs / 1000).toFixed(1)} s`);
}

/** Show every gateway as a dot, and how many are in each state. */
export function showGateways(letters) {
  const field = byId("dots");
  const { width, height, paths } = dots(letters);
  mark(field, "viewBox", `0 0 ${width} ${height}`);
  const counts = counted(letters);
  for (const [letter, { name, shape }] of Object.entries(STATES)) {
    const path = part(field, letter, () => newPath(letter));
    mark(path, "d", paths[letter]);
    const item = part(byId("legend"), letter, () => legendItem(letter, shape));
    show(item.lastElementChild, `${counts[letter].toLocaleString("en")} ${name}`);
  }
}

function newPath(letter) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", `dot-${letter}`);
  return path;
}

function legendItem(letter, shape) {
  const item = document.createElement("li");
  const mark = document.createElementNS(SVG, "svg");
  mark.setAttribute("viewBox", "-6 -6 12 12");
  mark.setAttribute("aria-hidden", "true");
  const path = newPath(letter);
  path.setAttribute("d", `M0 0${shape}`);
  mark.append(path);
  item.append(mark, document.createElement("span"));
  return item;
}

/** Show how many messages have come how far, and how full each shard is. */
export function showMessages(scene) {
  for (const [where, total] of Object.entries(scene.counts)) {
    const entry = part(byId("counts"), where, () => pair("dt", where, "dd"));
    show(entry.lastElementChild, total.toLocaleString("en"));
  }
  for (const [id, records] of Object.entries(scene.shards ?? {})) {
    const item = part(byId("shards"), id, () => shardItem(id));
    item.children[1].style.setProperty("--full", Math.min(1, records / scene.expected));
    show(item.lastElementChild, records.toLocaleString("en"));
  }
}

function shardItem(id) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.textContent = `shard ${Number(id.replace(/^\D*/, ""))}`;
  const bar = document.createElement("span");
  bar.className = "bar";
  item.append(name, bar, document.createElement("span"));
  return item;
}

function pair(first, text, second) {
  const entry = document.createElement("div");
  const term = document.createElement(first);
  term.textContent = text;
  entry.append(term, document.createElement(second));
  return entry;
}

/** Return the child of `parent` for `key`; make it the first time. */
function part(parent, key, make) {
  let found = [...parent.children].find((child) => child.dataset.key === key);
  if (!found) {
    found = make();
    found.dataset.key = key;
    parent.append(found);
  }
  return found;
}

/** Show the news, the latest first. */
export function showNews(news) {
  byId("ticker").prepend(...news.map(newsItem).reverse());
  while (byId("ticker").children.length > NEWS_SHOWN) byId("ticker").lastElementChild.remove();
}

function newsItem({ second, text }) {
  const item = document.createElement("p");
  item.textContent = second ? `${second} s: ${text}` : text;
  return item;
}

/** Show the account, line by line. */
export function showAccount({ lines }) {
  byId("lines").replaceChildren(
    ...lines.map(({ style, text }) => {
      const item = document.createElement("li");
      item.className = style;
      item.textContent = text;
      return item;
    }),
  );
  byId("account").hidden = false;
  showEnd(RACE_OVER);
}

/** Show that the race has ended before its account: what is shown is the last that was known. */
export function showBrokenOff() {
  showEnd(BROKEN_OFF);
}

function showEnd(text) {
  byId("network-part").hidden = true;
  show(byId("when"), text);
  show(byId("trouble"), "");
}
