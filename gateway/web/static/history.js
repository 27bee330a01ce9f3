// The last minute of one bike, its best second of the race, and how its last race ended.
import { SHOWN_S } from "./line.js";
import { outputOfMessage } from "./output.js";

// The end of a race stays on the screen until this second of the next one.
const FINISH_SHOWN_S = 10;

/**
 * The seconds of one bike, oldest first. `bests` keeps the best ones beyond a reload of the page.
 */
export class History {
  constructor(bests) {
    this.bests = bests;
    this.messages = [];
    this.finish = null;
    this.place = null;
  }

  /**
   * Add messages, except those that the page has already: after an outage it receives some twice.
   * Their times do not tell, because the gateway's clock may have been set back.
   */
  addAll(messages) {
    const last = this.messages.at(-1)?.uuid;
    const known = messages.findLastIndex((message) => message.uuid === last);
    for (const message of messages.slice(known + 1)) this.add(message);
  }

  add(message) {
    this.messages.push(message);
    if (this.messages.length > SHOWN_S) this.messages.shift();
    const best = this.bests.add(message, outputOfMessage(message));
    if (message.event === "final") this.end(message, best);
    else if (this.finish && message.second > FINISH_SHOWN_S) this.finish = null;
  }

  /** Keep the place, which the status loses with the end of the race. */
  ranked(bike) {
    if (bike.place) this.place = { ...bike.place, raceId: bike.race_id };
  }

  end(message, best) {
    const { raceId, racerId, classId, name, samples = null } = message;
    const place = this.place?.raceId === raceId ? this.place : null;
    const record = this.bests.record({ racer_id: racerId, class_id: classId });
    const output = outputOfMessage(message);
    this.finish = { racerId, name, place, best, record, samples, output };
  }

  dismiss() {
    this.finish = null;
  }
}
