// What every page does with its document.

// A tap this soon after a button has changed was meant for the button before, in ms.
export const CHANGED_MS = 400;

/** Return the element with this id. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

/**
 * Show a text in an element, with the commands between its backticks as code.
 *
 * Does nothing if it is shown already: a screen reader would repeat it.
 */
export function show(element, text) {
  const pieces = text.split(/`([^`]+)`/); // every second one was between backticks
  if (element.textContent === pieces.join("")) return;
  element.replaceChildren(...pieces.map((piece, number) => (number % 2 ? codeOf(piece) : piece)));
}

function codeOf(command) {
  const code = document.createElement("code");
  code.textContent = command;
  return code;
}

/** Return a copy of a template's one element, and its parts by the name in `data-part`. */
export function copyOf(templateId) {
  const root = byId(templateId).content.firstElementChild.cloneNode(true);
  const named = [...root.querySelectorAll("[data-part]")];
  return { root, parts: Object.fromEntries(named.map((one) => [one.dataset.part, one])) };
}

/** Set an attribute, or remove it if the value is null or false. */
export function mark(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}
