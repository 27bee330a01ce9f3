"""Cadence from the counters of crank sensors: revolutions, and the time of the last one.

Source: CSC Service 1.0 and Cycling Power Service 1.1 (Bluetooth SIG), which count in 16 bits and
1/1024 s; checked against what sensors send (ptx2/gymnasticon, doudar/SmartSpin2k,
GoldenCheetah/GoldenCheetah #1033, #1626).
"""

from dataclasses import dataclass

NS_PER_S = 1_000_000_000

#: A higher cadence is not credible on these bikes.
MAX_CADENCE_RPM = 220
#: The crank has stopped if no revolution arrives for twice the last period, within these limits.
MIN_TIMEOUT_NS = 2 * NS_PER_S
MAX_TIMEOUT_NS = 4 * NS_PER_S
#: The largest difference between the times of sensor and host: packets wait in queues.
MAX_SKEW_NS = 4 * NS_PER_S
#: After this many impossible packets in a row, the counter must have restarted.
MAX_REJECTED = 3


@dataclass(frozen=True, slots=True)
class Revolutions:
    """A count of revolutions and the end of the last one, in ticks of the sensor's clock.

    On the wire of CSC and CPS: two or four bytes for the count, then two for the time.
    """

    count: int
    event_ticks: int

    @classmethod
    def decode(cls, data: bytes) -> "Revolutions":
        return cls(int.from_bytes(data[:-2], "little"), int.from_bytes(data[-2:], "little"))

    def encode(self, count_bytes: int) -> bytes:
        """Encode the count in `count_bytes` bytes. Raises OverflowError if a value does not fit."""
        return self.count.to_bytes(count_bytes, "little") + self.event_ticks.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class _CrankEvent:
    """A revolution from which cadence is measured."""

    revolutions: int
    ticks: int
    #: The host time of the first packet that contains it.
    heard_ns: int
    #: The host time of the last packet without it. None: unknown, so the event may be of any age.
    absent_ns: int | None


class CrankCounter:
    """The cadence between revolutions, from cumulative counters that wrap and restart.

    The sensor's clock measures the time. The host's clock only decides what is credible: whether
    the sensor's clock may have wrapped, and when the crank has stopped. In case of doubt there is
    no cadence, and the measurement starts again at the newest revolution.

    The first packet is assumed to report a revolution that has just ended if the next packet has
    a higher count. If the next one repeats it, the revolution may be of any age.
    """

    def __init__(self, revolution_bits: int, time_bits: int, ticks_per_s: int) -> None:
        self._revolution_mask = (1 << revolution_bits) - 1
        self._time_mask = (1 << time_bits) - 1
        self._ticks_per_s = ticks_per_s
        self._ambiguous_ns = (1 << time_bits) * NS_PER_S // ticks_per_s // 2
        self._reference: _CrankEvent | None = None
        self._rejected = 0
        #: The host time and the revolutions.
        self._last_packet = (0, 0)
        self._moved_ns: int | None = None
        self._timeout_ns = MAX_TIMEOUT_NS

    def update(self, at_ns: int, revolutions: int, event_time: int) -> float | None:
        """Return the mean cadence in rpm since the last measured revolution, or None if unknown.

        Returns 0 if the counter has moved before but has not for a while. A counter that never
        moved gives None forever, because bikes without such a sensor send constant zeros.
        """
        revolutions &= self._revolution_mask
        event_time &= self._time_mask
        last_ns, last_revolutions = self._last_packet
        self._last_packet = at_ns, revolutions
        reference = self._reference
        if reference is None:
            self._reference = _CrankEvent(revolutions, event_time, at_ns, absent_ns=at_ns)
            return None
        # The same count with another time, just after impossible packets, is a coincidence.
        is_chance = self._rejected > 0 and event_time != reference.ticks
        if revolutions == reference.revolutions and not is_chance:
            return self._unmoved(at_ns, reference)

        # The revolution ended after the last packet, unless that was a rejected one.
        absent_ns = last_ns if revolutions != last_revolutions else None
        event = _CrankEvent(revolutions, event_time, at_ns, absent_ns)
        if reference.absent_ns is None or at_ns - reference.absent_ns > self._ambiguous_ns:
            self._measure_from(event, MAX_TIMEOUT_NS)
            return None
        cadence_rpm = self._cadence_rpm(reference, event, reference.absent_ns)
        if cadence_rpm is None:
            self._rejected += 1
            if self._rejected >= MAX_REJECTED:
                self._measure_from(event, MAX_TIMEOUT_NS)
            return None
        period_ns = round(60 * NS_PER_S / cadence_rpm)
        self._measure_from(event, min(max(2 * period_ns, MIN_TIMEOUT_NS), MAX_TIMEOUT_NS))
        return cadence_rpm

    def _unmoved(self, at_ns: int, reference: _CrankEvent) -> float | None:
        self._rejected = 0
        if self._moved_ns is None:
            self._reference = _CrankEvent(
                reference.revolutions, reference.ticks, reference.heard_ns, absent_ns=None
            )
            return None
        return 0.0 if at_ns - self._moved_ns > self._timeout_ns else None

    def _measure_from(self, event: _CrankEvent, timeout_ns: int) -> None:
        self._reference = event
        self._rejected = 0
        self._moved_ns = event.heard_ns
        self._timeout_ns = timeout_ns

    def _cadence_rpm(self, first: _CrankEvent, last: _CrankEvent, absent_ns: int) -> float | None:
        """Return the mean cadence between two events; None if it is not credible."""
        revolutions = (last.revolutions - first.revolutions) & self._revolution_mask
        ticks = (last.ticks - first.ticks) & self._time_mask
        elapsed_ns = ticks * NS_PER_S // self._ticks_per_s
        earliest_ns = last.heard_ns - first.heard_ns - MAX_SKEW_NS
        latest_ns = last.heard_ns - absent_ns + MAX_SKEW_NS
        if 0 in (revolutions, ticks) or not earliest_ns <= elapsed_ns <= latest_ns:
            return None
        cadence_rpm = revolutions * 60 * self._ticks_per_s / ticks
        return cadence_rpm if cadence_rpm <= MAX_CADENCE_RPM else None
