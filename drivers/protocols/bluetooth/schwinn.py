"""Schwinn 170, 270 and 570: counted turns of the crank and the level, in a service of their own.

    11 20 00 | 3 turns of the crank, 1/256 | 7 not known | 8 time of the last one, 1/1024 s
    10 energy, 1/2097152 kcal | 16 level, 1 … 25

Numbers are little-endian. The bike sends about one event record a second while the pedals turn, and
nothing while they rest. There is no power: the console calculates it, but does not send it. Other
consoles by Nautilus have the same characteristics in other services, with other contents.

Source: ursoft/ANT_Libraries; TrackMyIndoorWorkout schwinn_x70, #240, #494, #495;
cagnulein/qdomyos-zwift src/devices/schwinn170bike, #1365, #2366.
"""

import struct
from dataclasses import dataclass

from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.reading import Frame, Reading

_MAGIC = b"\x11\x20\x00"
_LAYOUT = struct.Struct("<3sIxH6sB")
#: The highest number of each counter: 24 bits of turns, 16 bits of ticks.
_TURN_MASK, _TICK_MASK = 0xFFFFFF, 0xFFFF
_PARTS_PER_TURN = 256
_TICKS_PER_S = 1024
_ENERGY_STEPS_PER_KCAL = 1 << 21

#: The bike's clock wraps after 64 s, so it cannot measure more than half of that.
MEASURABLE_S = 32.0
#: Records that arrive together were delayed by the radio: their arrival does not measure anything.
TOGETHER_S = 0.1
#: A higher cadence is not credible: the counter has jumped.
MAX_CADENCE_RPM = 220
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SchwinnEvent:
    """One event record: counters since the start of the workout, and the level."""

    #: In parts of 1/256 turn.
    crank_parts: int = 0
    #: In ticks of 1/1024 s; wraps every 64 s.
    ticks: int = 0
    energy_kcal: float = 0
    #: 1 … 25; 0 means none.
    level: int = 0


def decode_event(data: bytes) -> SchwinnEvent | None:
    """Decode an event record; return None unless `data` is exactly one."""
    if len(data) != _LAYOUT.size or not data.startswith(_MAGIC):
        return None
    _, parts, ticks, energy, level = _LAYOUT.unpack(data)
    energy_kcal = int.from_bytes(energy, "little") / _ENERGY_STEPS_PER_KCAL
    return SchwinnEvent(parts & _TURN_MASK, ticks, energy_kcal, level)


def encode_event(event: SchwinnEvent) -> bytes:
    """Encode an event record; unknown bytes are 0. Raises ValueError for a value that does not fit.

    The energy is rounded to what the wire can hold.
    """
    if not 0 <= event.crank_parts <= _TURN_MASK:
        raise ValueError(f"a value does not fit its field: crank_parts={event.crank_parts}")
    try:
        energy = round(event.energy_kcal * _ENERGY_STEPS_PER_KCAL).to_bytes(6, "little")
        return _LAYOUT.pack(_MAGIC, event.crank_parts, event.ticks, energy, event.level)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"a value does not fit its field: {error}") from error


class Schwinn(WireProtocol):
    """One connection. The cadence is that between two event records."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(
            service="3bf58980-3a2f-11e6-9011-0002a5d5c51b",
            notify=("5c7d82a0-9803-11e3-8a6c-0002a5d5c51b",),
        ),
    )
    reports_own_number = True
    #: Silence means that the pedals rest.
    lost_after_s = 25.0

    def __init__(self) -> None:
        super().__init__()
        self._last: SchwinnEvent | None = None
        self._last_ns = 0

    def feed(self, frame: Frame) -> list[Reading]:
        if frame.sent:
            return []
        event = decode_event(frame.data)
        if event is None:
            self.unusable_bytes += len(frame.data)
            return []
        cadence_rpm = self._cadence_rpm(event, frame.at_ns)
        self._last, self._last_ns = event, frame.at_ns
        level = event.level or None
        if cadence_rpm is None and level is None:
            return []
        return [Reading(frame.at_ns, cadence_rpm=cadence_rpm, resistance_raw=level)]

    def _cadence_rpm(self, event: SchwinnEvent, at_ns: int) -> float | None:
        """Return the mean cadence since the last record; None if the counters are not credible.

        They sometimes go back, jump, or stand still while the time goes on, and then start again
        from the new values.
        """
        if self._last is None:
            return None
        parts = (event.crank_parts - self._last.crank_parts) & _TURN_MASK
        elapsed_s = self._elapsed_s(self._last, event, (at_ns - self._last_ns) / _NS_PER_S)
        if parts == 0 or not 0 < elapsed_s <= MEASURABLE_S:
            return None
        cadence_rpm = parts / _PARTS_PER_TURN * 60 / elapsed_s
        return cadence_rpm if cadence_rpm <= MAX_CADENCE_RPM else None

    @staticmethod
    def _elapsed_s(first: SchwinnEvent, last: SchwinnEvent, arrived_s: float) -> float:
        """Return the seconds between two records by the bike's clock, or else by their arrival.

        The bike's clock is nonsense at times: then the two differ by more than half.
        """
        counted_s = ((last.ticks - first.ticks) & _TICK_MASK) / _TICKS_PER_S
        is_credible = abs(counted_s - arrived_s) <= max(counted_s, arrived_s) / 2
        return counted_s if is_credible or arrived_s < TOGETHER_S else arrived_s
