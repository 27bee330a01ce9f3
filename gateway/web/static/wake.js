// Keeps the screen awake while a race is on, where the browser allows it.

/** Return a function that is told whether the screen should stay awake. */
export function wakeLock(device = navigator) {
  let lock = null;
  let isWanted = false;
  let changing = Promise.resolve();

  // One change at a time: what is wanted may change while the browser answers.
  function apply() {
    changing = changing.then(change);
  }

  async function change() {
    if (!device.wakeLock || document.visibilityState !== "visible") return;
    if (isWanted && (!lock || lock.released)) {
      lock = await device.wakeLock.request("screen").catch(() => null);
    } else if (!isWanted && lock) {
      await lock.release();
      lock = null;
    }
  }

  document.addEventListener("visibilitychange", apply);
  return (wanted) => {
    if (wanted === isWanted) return;
    isWanted = wanted;
    apply();
  };
}
