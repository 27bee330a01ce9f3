"""Events of the last hour, and no older ones."""

from gateway.timing.last_hour import HOUR_NS, MOST_EVENTS, LastHour
from gateway.timing.units import NS_PER_S


def test_each_event_counts_for_an_hour() -> None:
    events = LastHour()
    assert events.count(5) == 0
    events.add(5)
    events.add(HOUR_NS // 2)
    assert events.count(HOUR_NS // 2) == 2
    assert events.count(HOUR_NS + 4) == 2
    assert events.count(HOUR_NS + 5) == 1
    assert events.count(2 * HOUR_NS) == 0


def test_hour_has_sixty_minutes() -> None:
    assert HOUR_NS == 60 * 60 * NS_PER_S


def test_event_each_second_is_counted() -> None:
    events = LastHour()
    for second in range(3600):
        events.add(second * NS_PER_S)
    assert events.count(3599 * NS_PER_S) == 3600


def test_number_of_remembered_events_is_limited() -> None:
    events = LastHour()
    for at_ns in range(MOST_EVENTS + 10):
        events.add(at_ns)
    assert events.count(MOST_EVENTS + 10) == MOST_EVENTS
