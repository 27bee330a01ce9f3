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
    const tops = this.#tops();
    const rows = racers.map((racer) => this.#row(racer));
    const isReordered = rows.some((row, index) => row !== this.body.rows[index]);
    if (isReordered || rows.length !== this.body.rows.length) {
      this.body.replaceChildren(...rows);
      this.#forgetAllBut(racers);
      this.#slide(tops);
    }
  }

  #tops() {
    return new Map([...this.#rows.values()].map((row) => [row, row.getBoundingClientRect().top]));
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

  /** Let each row that was elsewhere slide to its place. */
  #slide(tops) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const places = [...this.body.rows].map((row) => [row, row.getBoundingClientRect().top]);
    for (const [row, top] of places) {
      const way = (tops.get(row) ?? top) - top;
      if (way) {
        const frames = [{ transform: `translateY(${way}px)` }, { transform: "none" }];
        row.animate(frames, { duration: SLIDE_MS, easing: "ease-out" });
      }
    }
  }
}
