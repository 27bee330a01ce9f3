"""What must have arrived, and what has not."""

import asyncio
import time
from collections.abc import Collection, Mapping
from functools import partial
from math import ceil, floor

from gateway.telemetry.message import telemetry_from_json
from tests.e2e.test_race import BIKES, seconds_by_bike
from tests.support.mosquitto import Credentials
from tests.support.subscriber import Subscriber

#: A message so old is promised …
OLD_S = 1.0
#: … and it is made so soon after the end of its second, on two busy cores.
MADE_WITHIN_S = 0.1


def ends(first: float, last: float) -> set[int]:
    """The seconds that end within [first, last]; all of them in seconds since the epoch."""
    return set(range(ceil(first), floor(last) + 1))


def promised(first: float, killed: float) -> set[int]:
    """The ends, from `first` on, of the seconds whose messages were old when it was killed."""
    return ends(first, killed - MADE_WITHIN_S - OLD_S)


async def missing(
    subscriber: Subscriber, expected: Collection[int], within_s: float = 20
) -> list[tuple[str, int]]:
    """Return bike and second of those expected of both bikes that have not arrived in time."""
    return await missing_of_each(subscriber, dict.fromkeys(BIKES, expected), within_s)


async def missing_of_each(
    subscriber: Subscriber, expected: Mapping[str, Collection[int]], within_s: float = 20
) -> list[tuple[str, int]]:
    """Return bike and second of those expected of each bike that have not arrived in time.

    The newest race is sent first, so what is older may come long after it.
    """
    deadline = time.monotonic() + within_s
    while True:
        arrived = seconds_by_bike(subscriber.messages)
        left = [
            (bike, second)
            for bike, of_bike in expected.items()
            for second in sorted(set(of_bike) - set(arrived[bike]))
        ]
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.1)


class Arrivals:
    """Which seconds of which bike have arrived, through one subscriber after the other."""

    def __init__(self, port: int, credentials: Credentials, bikes: Collection[str]) -> None:
        self._connect = partial(Subscriber, port, credentials)
        self._bikes = bikes
        self._subscriber: Subscriber | None = None
        self._noted = 0
        self._payloads: dict[tuple[str, int], bytes] = {}
        self.count = 0
        #: Bike and end of each second that arrived again with other content.
        self.contradicted: list[tuple[str, int]] = []

    def listen(self) -> None:
        self._subscriber, self._noted = self._connect(), 0

    def end(self) -> None:
        if self._subscriber is not None:
            self.note()
            self._subscriber.stop()
            self._subscriber = None

    def note(self) -> None:
        """Note what is new."""
        if self._subscriber is None:
            return
        for payload in self._subscriber.payloads[self._noted :]:
            self._noted += 1
            self.add(payload)

    def add(self, payload: bytes) -> None:
        """Note one message."""
        message = telemetry_from_json(payload)
        second = message.bike_id, message.device_timestamp // 1000
        if self._payloads.setdefault(second, payload) != payload:
            self.contradicted.append(second)
        self.count += 1

    def missing(self, first: float, last: float) -> list[tuple[str, int]]:
        """Return bike and end of every second within [first, last] that has not arrived."""
        return [
            (bike, end)
            for bike in self._bikes
            for end in sorted(ends(first, last))
            if (bike, end) not in self._payloads
        ]
