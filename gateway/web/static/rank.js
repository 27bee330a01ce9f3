// Rank and gaps; without results of the race, the present output against the rider's best.
import { RANK } from "./text.js";
import { UNKNOWN, ordinalEnding, rounded, whole } from "./units.js";

// The backend sends results each second; older ones than this, in seconds, are marked, and their
// gaps, which change each second, give way to the age.
const OLD_S = 5;

/**
 * Return {figure, ending, of, gaps, note, isOld} to be shown for a bike's place, which may be null.
 *
 * `gaps`: for each gap its size, and words such as "to leader".
 */
export function rankOf(place, output, best) {
  if (!place) return againstOwnBest(output, best);
  const isOld = place.age_s > OLD_S;
  const isRanked = place.rank !== null;
  return {
    figure: isRanked ? String(place.rank) : UNKNOWN,
    ending: isRanked ? ordinalEnding(place.rank) : "",
    of: `of ${place.racers}`,
    gaps: isRanked && !isOld ? gaps(place) : [],
    note: noteOn(place, isOld),
    isOld,
  };
}

function noteOn({ rank, age_s: age, gap }, isOld) {
  if (isOld) return RANK.old(age);
  if (rank === null) return RANK.unranked;
  return gap === null ? RANK.leading : "";
}

function gaps({ gap, leader_output: leader, output, rank }) {
  const toLeader = [rounded(leader - output, 2), RANK.leader];
  if (rank <= 2) return gap === null ? [] : [toLeader];
  return [[rounded(gap, 2), RANK.next], toLeader];
}

function againstOwnBest(output, best) {
  const isKnown = output !== null && best !== null;
  return {
    figure: isKnown ? whole((100 * output) / best) : UNKNOWN,
    ending: isKnown ? "%" : "",
    of: "",
    gaps: best === null ? [] : [[rounded(best, 1), RANK.own]],
    note: "",
    isOld: false,
  };
}
