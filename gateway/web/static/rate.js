// Messages a second, from a count that only grows.

/** The growth of a count over the last `windowMs`, which spans several of the backend's polls. */
export class Rate {
  #looks = [];

  constructor(windowMs = 3000) {
    this.windowMs = windowMs;
  }

  /** Add the count at a time, and return its growth a second; null until there are two times. */
  add(atMs, total) {
    this.#looks.push({ atMs, total });
    while (this.#looks[1]?.atMs <= atMs - this.windowMs) this.#looks.shift();
    const [first] = this.#looks;
    return atMs > first.atMs ? (1000 * (total - first.total)) / (atMs - first.atMs) : null;
  }
}
