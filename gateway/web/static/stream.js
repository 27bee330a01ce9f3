// The stream of events of a page: it notices when the gateway is gone, and comes back by itself.

// The gateway sends at least one event a second; after this time without one it is gone, in ms.
const SILENCE_MS = 1900;
// How often the time of the last event is looked at, in ms.
const LOOK_MS = 100;
// Pauses between attempts to connect, in ms.
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2000;
// A connection that brings no event within this time, in ms, is given up.
const OPENING_MS = 5000;

/**
 * Follow a stream of events, forever.
 *
 * `handlers`: a function for each event, by its name, which receives the parsed JSON; and optionally
 * `gone`, called once when the gateway does not answer, and `back`, called once when it does again.
 * If this browser has to prove again that it may see the page, the page is loaded again.
 * Returns a function that ends it.
 */
export function follow(url, handlers) {
  const names = Object.keys(handlers).filter((name) => !["gone", "back"].includes(name));
  let source = null;
  let heardAt = performance.now();
  let openedAt = performance.now();
  let isGone = false;
  let hasHeard = false;
  let pauseMs = FIRST_PAUSE_MS;
  let retry = null;
  let isEnded = false;

  function hear(name, message) {
    heardAt = performance.now();
    hasHeard = true;
    pauseMs = FIRST_PAUSE_MS;
    if (isGone) {
      isGone = false;
      handlers.back?.();
    }
    handlers[name]?.(JSON.parse(message.data));
  }

  function open() {
    retry = null;
    hasHeard = false;
    openedAt = performance.now();
    const opened = new EventSource(url);
    source = opened;
    // Heartbeats count even if the page has no handler for them.
    for (const name of new Set([...names, "status"])) {
      opened.addEventListener(name, (message) => source === opened && hear(name, message));
    }
    opened.addEventListener("error", () => source === opened && lose());
  }

  function lose() {
    source?.close();
    source = null;
    if (retry === null && !isEnded) {
      retry = setTimeout(open, pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      findWhetherLocked();
    }
  }

  async function findWhetherLocked() {
    try {
      const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
      if (answer.status === 401 && !isEnded) location.reload();
    } catch {
      // The gateway does not answer: the next attempt is on its way.
    }
  }

  function look() {
    const isSilent = performance.now() - heardAt > SILENCE_MS;
    if (isSilent && !isGone) {
      isGone = true;
      handlers.gone?.();
    }
    const patienceMs = hasHeard ? SILENCE_MS : OPENING_MS;
    if (source && isSilent && performance.now() - openedAt > patienceMs) lose();
  }

  function wake() {
    // A page in the background is not woken often; and its connection may be gone without a trace.
    if (document.visibilityState === "visible") look();
  }

  const looking = setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", wake);
  open();
  return () => {
    isEnded = true;
    clearInterval(looking);
    clearTimeout(retry);
    document.removeEventListener("visibilitychange", wake);
    source?.close();
  };
}
