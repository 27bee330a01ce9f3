"""LiveResults: the bikes' places in their races, from the results that the backend publishes."""

from collections.abc import Collection

import structlog

from gateway.bike.bike import Bike
from gateway.bike.status import BikeStatus, ResultsStatus
from gateway.race.results import Place, Results, ResultsError, decode_results, race_id_in
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S, seconds_between

#: Results older than the latest ones are ignored, unless none arrived for this long: otherwise a
#: wrong time in one message would end the ranking of a race.
LATE_NS = 10 * NS_PER_S

log = structlog.get_logger()


class LiveResults:
    """The latest results of each race that a bike rides.

    Results are only decoded for these races. Lost, late or malformed results cost nothing but the
    ranks: no other part depends on them.
    """

    def __init__(self, topic: str, bikes: Collection[Bike], clock: GatewayClock) -> None:
        self._topic = topic
        self._bikes = bikes
        self._clock = clock
        #: By race: the latest results, and when they arrived.
        self._latest: dict[int, tuple[Results, int]] = {}
        self._refusal: str | None = None
        self._received = 0
        self._late = 0
        self._malformed = 0
        #: Whether malformed results were logged since the last connect.
        self._is_reported = False

    @property
    def status(self) -> ResultsStatus:
        return ResultsStatus(
            topic=self._topic,
            refusal=self._refusal,
            received=self._received,
            late=self._late,
            malformed=self._malformed,
        )

    def place(self, bike: BikeStatus) -> Place | None:
        """Return the place of the bike's racer; None without results of the bike's race."""
        latest = None if bike.race_id is None else self._latest.get(bike.race_id)
        if latest is None:
            return None
        results, at_ns = latest
        return results.place(bike.racer_id, seconds_between(at_ns, self._clock.monotonic_ns()))

    def on_subscribed(self, refusal: str | None) -> None:
        self._refusal = refusal
        self._is_reported = False

    def take(self, payload: bytes) -> None:
        """Keep the results if a bike rides their race; count the ones that cannot be used."""
        self._received += 1
        try:
            if race_id_in(payload) in self._ridden():
                self._keep(decode_results(payload))
        except ResultsError as error:
            self._malformed += 1
            if not self._is_reported:
                log.warning("results ignored", topic=self._topic, reason=str(error))
                self._is_reported = True

    def _keep(self, results: Results) -> None:
        now_ns = self._clock.monotonic_ns()
        latest = self._latest.get(results.race_id)
        if latest is not None:
            earlier, at_ns = latest
            if results.ts_ms < earlier.ts_ms and now_ns - at_ns < LATE_NS:
                self._late += 1
                return
        ridden = self._ridden()
        self._latest = {race_id: one for race_id, one in self._latest.items() if race_id in ridden}
        self._latest[results.race_id] = (results, now_ns)

    def _ridden(self) -> set[int | None]:
        return {bike.race_id for bike in self._bikes}
