"""Who listens to a bike hears what its race hears, and nothing more after leaving."""

from dataclasses import dataclass, field

from drivers import Reading
from gateway.bike.fanout import ReadingFanout


@dataclass
class Ear:
    """A ReadingSink and a ReadingListener that keeps what it hears."""

    heard_all: list[object] = field(default_factory=list)

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        self.heard_all.append((at_ns, stale_after_s))

    def add(self, reading: Reading) -> None:
        self.heard_all.append(reading)

    def disconnected(self) -> None:
        self.heard_all.append("disconnected")

    def heard(self, reading: Reading) -> None:
        self.heard_all.append(reading)

    def link_changed(self) -> None:
        self.heard_all.append("link")

    __hash__ = object.__hash__


READING = Reading(1, cadence_rpm=80)


def test_the_race_hears_everything_and_listeners_beside_it() -> None:
    race, one, other = Ear(), Ear(), Ear()
    audience = ReadingFanout(race)
    audience.listeners |= {one, other}
    audience.connected(5, 3.0)
    audience.add(READING)
    audience.link_changed()
    audience.disconnected()
    assert race.heard_all == [(5, 3.0), READING, "disconnected"]
    assert one.heard_all == other.heard_all == [READING, "link"]


def test_who_has_left_hears_nothing_more() -> None:
    race, one = Ear(), Ear()
    audience = ReadingFanout(race)
    audience.listeners.add(one)
    audience.listeners.discard(one)
    audience.add(READING)
    audience.link_changed()
    assert (one.heard_all, race.heard_all) == ([], [READING])
