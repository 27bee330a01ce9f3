// The state of the gateway, in the words of `status`.
import { byId, copyOf, mark, show } from "./dom.js";

// The signs differ in shape, so that no one needs the colour.
const SIGNS = { bad: "✖", odd: "▲", well: "✓" };

/** Show the words of the status. Elements are reused, so that none disappears while it is read. */
export function showWords(words) {
  show(byId("name"), words.thing_name);
  show(byId("about"), words.about);
  showText(byId("verdict"), words.verdict);
  fill(byId("concerns"), "concern", words.concerns, ({ parts, root }, concern) => {
    const { text, level } = concern.problem;
    mark(root, "data-level", level);
    show(parts.sign, SIGNS[level] ?? "");
    show(parts.problem, text);
    showRemedy(parts.remedy, concern.remedy);
  });
  mark(byId("bikes-section"), "hidden", words.bikes.length === 0);
  fill(byId("bikes"), "bike", words.bikes, showBike);
  mark(byId("facts-section"), "hidden", words.facts.length === 0);
  fill(byId("facts"), "cell", words.facts, showFact);
}

function showBike({ parts }, bike) {
  fill(parts.cells, "cell", bike.cells, showFact);
  show(parts.remarks, bike.remarks.join("\n"));
  mark(parts.calibrate, "href", `calibrate/${encodeURIComponent(bike.id)}`);
  mark(parts.calibrate, "aria-label", `Calibrate ${bike.id}`);
}

function showFact({ root, parts }, { name, words }) {
  mark(root, "data-name", name);
  show(parts.name, name);
  showText(parts.text, words);
}

function showText(element, { text, level }) {
  mark(element, "data-level", level || null);
  show(element, text);
}

/** Show what to do, with an arrow before it; nothing if there is nothing to do. */
export function showRemedy(element, remedy) {
  show(element, remedy && `→ ${remedy}`);
}

/** Make one copy of a template for each item in a list, and show the items in them. */
export function fill(list, templateId, items, showItem) {
  list.copies ??= [];
  while (list.copies.length > items.length) list.copies.pop().root.remove();
  while (list.copies.length < items.length) {
    const copy = copyOf(templateId);
    list.copies.push(copy);
    list.append(copy.root);
  }
  items.forEach((item, number) => showItem(list.copies[number], item));
}
