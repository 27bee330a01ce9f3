// The best seconds that this browser has seen: of the race in progress, and of each racer.

const KEY = "alleycat.bests";
// Limits the racers that are kept; the one seen longest ago is forgotten.
const RACERS_MAX = 200;

/** Best seconds, kept in the browser's storage, which may refuse. */
export class Bests {
  constructor() {
    this.kept = { races: {}, records: {}, ...load() };
  }

  /** Add a second and return the best one of its race so far. */
  add({ bikeId, raceId, racerId, classId, second }, output) {
    const { races, records } = this.kept;
    const race = races[bikeId];
    const isSame = race?.raceId === raceId && race.racerId === racerId;
    const isBest = !isSame || output > race.output;
    if (isBest) races[bikeId] = { raceId, racerId, output, second };
    const key = recordKey(racerId, classId);
    const isRecord = output > (records[key] ?? 0);
    if (isRecord) {
      delete records[key];
      records[key] = output;
      for (const old of Object.keys(records).slice(0, -RACERS_MAX)) delete records[old];
    }
    if (isBest || isRecord) save(this.kept);
    return races[bikeId];
  }

  /** Return the best output of the race that a bike is in; null before its first second. */
  ofRace(bike) {
    const race = this.kept.races[bike.bike_id];
    const isSame = race?.raceId === bike.race_id && race.racerId === bike.racer_id;
    return isSame ? race.output : null;
  }

  /** Return the best output of a bike's racer in the same class, in any race; null without one. */
  record(bike) {
    return this.kept.records[recordKey(bike.racer_id, bike.class_id)] ?? null;
  }
}

function recordKey(racerId, classId) {
  return `racer ${racerId} class ${classId}`;
}

function load() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function save(kept) {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Without storage, a reload of the page forgets them.
  }
}
