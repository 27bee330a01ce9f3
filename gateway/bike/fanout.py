"""ReadingFanout: who hears a bike: its race, and whoever listens beside it."""

from typing import Protocol

from drivers import Reading
from gateway.bike.link import ReadingSink


class ReadingListener(Protocol):
    """Hears a bike beside its race, which waits for it: quick, and never raises."""

    def heard(self, reading: Reading) -> None: ...

    def link_changed(self) -> None: ...


class ReadingFanout:
    """A ReadingSink. `race` hears everything first."""

    def __init__(self, race: ReadingSink) -> None:
        self._race = race
        self.listeners: set[ReadingListener] = set()

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        self._race.connected(at_ns, stale_after_s)

    def add(self, reading: Reading) -> None:
        self._race.add(reading)
        for listener in self.listeners:
            listener.heard(reading)

    def disconnected(self) -> None:
        self._race.disconnected()

    def link_changed(self) -> None:
        for listener in self.listeners:
            listener.link_changed()
