// Rank and gaps; without results of the race, the output now against the own best.
import { RANK } from "./text.js";
import { UNKNOWN, ordinalEnding, whole } from "./units.js";

// The backend sends results each second; older ones than this, in seconds, are marked.
const OLD_S = 5;

/** Return {figure, ending, of, gaps, isOld} to be shown for a bike's place, which may be null. */
export function rankOf(place, output, best) {
  if (!place) return againstOwnBest(output, best);
  const isOld = place.age_s > OLD_S;
  const age = isOld ? [RANK.old(place.age_s)] : [];
  const of = `of ${place.racers}`;
  if (place.rank === null) {
    return { figure: UNKNOWN, ending: "", of, gaps: [RANK.unranked(place.racers), ...age], isOld };
  }
  return {
    figure: String(place.rank),
    ending: ordinalEnding(place.rank),
    of,
    gaps: [...gaps(place), ...age],
    isOld,
  };
}

function gaps({ gap, leader_output: leader, output, rank }) {
  if (gap === null) return [RANK.leading];
  return rank === 2 ? [RANK.leader(gap)] : [RANK.next(gap), RANK.leader(leader - output)];
}

function againstOwnBest(output, best) {
  const isKnown = output !== null && best !== null;
  return {
    figure: isKnown ? whole((100 * output) / best) : UNKNOWN,
    ending: isKnown ? "%" : "",
    of: "",
    gaps: [best === null ? RANK.none : RANK.own(best)],
    isOld: false,
  };
}
