// The leaderboard: a table whose rows slide to their new places.

const SLIDE_MS = 450;

/** The columns, left to right: a class for the stylesheet, the title, and the text of a racer. */
const COLUMNS = [
  ["place", "", (racer) => racer.place ?? ""],
  ["gained", "±", (racer) => movement(racer.gained)],
  ["name", "racer", (racer) => racer.name],
  ["here", "here now", (racer) => tenths(racer.here_now)],
  ["final", "final", (racer) => tenths(racer.final)],
  ["rpm", "rpm", (racer) => tenths(racer.cadence_rpm)],
  ["percent", "%", (racer) => tenths(racer.resistance_percent)],
  ["buffer", "buffer", (racer) => kept(racer)],
];

function tenths(value) {
  return value === undefined ? "" : value.toFixed(1);
}

function movement(places) {
  if (!places) return "";
  return places > 0 ? `▲${places}` : `▼${-places}`;
}

function kept({ buffered, is_online: isOnline }) {
  return isOnline === false ? `${buffered} kept` : (buffered ?? "");
}

/** A table with a row for each racer that is listed. */
export class Leaderboard {
  #rows = new Map();
  #slidAtMs = -Infinity;

  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    const head = table.tHead.rows[0];
    for (const [kind, title] of COLUMNS) {
      const cell = document.createElement(title ? "th" : "td");
      cell.textContent = title;
      cell.className = kind;
      if (title) cell.scope = "col";
      head.append(cell);
    }
  }

  /** Show these racers, in this order. */
  show(racers) {
    const isDemo = racers.some((racer) => racer.buffered !== undefined);
    this.table.classList.toggle("with-buffer", isDemo);
    const before = new Map([...this.body.rows].map((row, index) => [row, index]));
    const rows = racers.map((racer) => this.#row(racer));
    const isReordered = rows.some((row, index) => before.get(row) !== index);
    if (isReordered || rows.length !== before.size) {
      this.body.replaceChildren(...rows);
      this.#forgetAllBut(racers);
      this.#slide(rows, before);
    }
  }

  #row(racer) {
    let row = this.#rows.get(racer.name);
    if (!row) {
      row = document.createElement("tr");
      for (const [kind] of COLUMNS) row.insertCell().className = kind;
      this.#rows.set(racer.name, row);
    }
    COLUMNS.forEach(([, , text], index) => {
      const shown = String(text(racer));
      const cell = row.cells[index];
      if (cell.textContent !== shown) cell.textContent = shown;
    });
    row.classList.toggle("offline", racer.is_online === false);
    row.classList.toggle("ahead", racer.gained > 0);
    row.classList.toggle("behind", racer.gained < 0);
    return row;
  }

  #forgetAllBut(racers) {
    const names = new Set(racers.map((racer) => racer.name));
    for (const name of this.#rows.keys()) if (!names.has(name)) this.#rows.delete(name);
  }

  /**
   * Let each row that was elsewhere slide to its place. All rows have the same height, in which the
   * way is given: to measure it, the browser would have to lay out the page.
   */
  #slide(rows, before) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    // Rows that are still on their way continue from where they are. This takes several times the work.
    const nowMs = performance.now();
    const composite = nowMs - this.#slidAtMs < SLIDE_MS ? "add" : "replace";
    this.#slidAtMs = nowMs;
    rows.forEach((row, index) => {
      const way = (before.get(row) ?? index) - index;
      if (way) {
        const frames = [{ transform: `translateY(${100 * way}%)` }, { transform: "none" }];
        row.animate(frames, { duration: SLIDE_MS, easing: "ease-out", composite });
      }
    });
  }
}
