// The last lines of the log, newest at the end.
import { copyOf, mark, show } from "./dom.js";

const LINES_MAX = 200;
// Lines that are at most this far below the edge count as seen, in pixels.
const NEAR_PX = 40;

/** A list that follows the log, unless its reader has scrolled back. */
export class LogList {
  constructor(list) {
    this.list = list;
  }

  replace(lines) {
    const { scrollTop } = this.list;
    this.followEnd(() => {
      this.list.replaceChildren(...lines.map(lineOf));
      this.list.scrollTop = scrollTop;
    });
  }

  add(line) {
    this.followEnd(() => {
      this.list.append(lineOf(line));
      if (this.list.children.length > LINES_MAX) this.list.firstElementChild.remove();
    });
  }

  /** Change the list, and show its end again if it was shown before. */
  followEnd(change) {
    const { list } = this;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    change();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
}

function lineOf({ at_ms: atMs, level, text }) {
  const { root, parts } = copyOf("line");
  const at = new Date(atMs);
  mark(root, "data-level", level);
  mark(parts.time, "datetime", at.toISOString());
  show(parts.time, at.toLocaleTimeString("en-GB"));
  parts.text.textContent = text; // as it was written, with its backticks
  return root;
}
