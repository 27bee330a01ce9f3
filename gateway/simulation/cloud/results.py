"""The backend's messages about the results of races. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter

from gateway.simulation.cloud.leaderboard import RaceReport, Standing

#: The topic of the original backend.
RESULTS_TOPIC = "alleycat-subscribe"


class ResultsFeed:
    """The messages about results, one for each race whose standings have changed."""

    def __init__(self) -> None:
        self._published: dict[int, list[Standing]] = {}

    def messages(
        self, races: Iterable[RaceReport], standings: Iterable[Standing], ts_ms: int
    ) -> Iterator[bytes]:
        """Yield the messages for the changes since the last call."""
        by_race = defaultdict(list)
        for one in standings:
            by_race[one.race_id].append(one)
        for race in races:
            of_race = by_race[race.race_id]
            if of_race != self._published.get(race.race_id):
                self._published[race.race_id] = of_race
                yield _message(race, of_race, ts_ms)


def _message(race: RaceReport, standings: Iterable[Standing], ts_ms: int) -> bytes:
    """Return the message as JavaScript writes it: without white space, in the order of the ids."""
    in_order = sorted(standings, key=attrgetter("racer_id"))
    results = {str(one.racer_id): one.here_now for one in in_order}
    message = {
        "msg": "results",
        "classId": str(race.class_id),
        "raceId": f"race-{race.race_id}",
        "ts": str(ts_ms),
        "results": json.dumps(results, separators=(",", ":")),
    }
    return json.dumps(message, separators=(",", ":")).encode()
