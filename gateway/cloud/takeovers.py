"""Takeovers: signs that another client connects with the same client id. Pure.

A broker ends the older of two connections with one client id. It should state that (MQTT 5.0,
3.1.4-3), and AWS IoT Core does; mosquitto does so from 2.0.15 on, older versions just hang up
(eclipse-mosquitto/mosquitto#2607).
"""

from collections import deque

from gateway.cloud.uplink import Ending
from gateway.timing.units import NS_PER_S

#: Signs older than this do not count, in nanoseconds.
MEMORY_NS = 600 * NS_PER_S
#: Limits how many signs of each kind are kept.
SIGNS_MAX = 100
#: A connection that lasted longer than this, in nanoseconds, was not ended by a client that
#: reconnects with a back-off.
SHORT_NS = 300 * NS_PER_S


class Takeovers:
    """The times at which a connection was taken over, or ended as if it had been.

    A hang-up is such a sign if the connection was short and well until then, no message was in
    flight that could be the reason, and the next attempt to connect succeeded: it was no outage. A
    connection that breaks off is no sign: networks cause that, too.
    """

    def __init__(self) -> None:
        self._stated_ns: deque[int] = deque(maxlen=SIGNS_MAX)
        self._hangups_ns: deque[int] = deque(maxlen=SIGNS_MAX)
        self._pending_ns: int | None = None

    def lost(self, ending: Ending, since_ns: int, now_ns: int, *, was_well: bool) -> None:
        """Record the end of a connection that was up since `since_ns`."""
        if ending is Ending.TAKEN_OVER:
            self._stated_ns.append(now_ns)
        elif ending is Ending.HUNG_UP and was_well and now_ns - since_ns <= SHORT_NS:
            self._pending_ns = now_ns

    def failed(self) -> None:
        """Record that the gateway could not connect: the hang-up was part of an outage."""
        self._pending_ns = None

    def connected(self) -> None:
        if self._pending_ns is not None:
            self._hangups_ns.append(self._pending_ns)
            self._pending_ns = None

    def stated(self, now_ns: int) -> int:
        """Return how often the broker has lately stated that another client took over."""
        return _recent(self._stated_ns, now_ns)

    def hangups(self, now_ns: int) -> int:
        """Return how often the broker has lately hung up as if another client had taken over."""
        return _recent(self._hangups_ns, now_ns)


def _recent(times_ns: deque[int], now_ns: int) -> int:
    while times_ns and now_ns - times_ns[0] > MEMORY_NS:
        times_ns.popleft()
    return len(times_ns)
