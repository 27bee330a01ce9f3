// What every page does with its document.

/** Return the element with this id. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

/** Show a text in an element. Does nothing if it is shown already: a screen reader would repeat it. */
export function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
