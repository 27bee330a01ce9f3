"""How well each known protocol fits the frames of a capture. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from drivers.captures.format import CountedTurns
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import WireProtocol
from drivers.reading import Frame, Reading

_NS_PER_S = 1_000_000_000
#: The largest relative difference between a decoded cadence and the counted one.
CADENCE_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class ProtocolFit:
    """The result of decoding the frames of one characteristic with one protocol."""

    protocol: str
    #: The number of frames that became Readings without a byte left over, of all `frames`.
    understood: int
    frames: int
    #: The same if a byte of each frame is damaged: none if the protocol has a checksum.
    understood_damaged: int
    #: Whether the characteristic is one of the protocol.
    is_at_home: bool
    #: The least and the largest number of each value, by the name of the Reading's field.
    values: dict[str, tuple[float, float]]
    #: The median of the decoded cadence while turns were counted; None if there was no cadence.
    cadences_rpm: tuple[float | None, ...]
    #: Whether those cadences are the counted ones; False if nothing was counted.
    is_confirmed: bool


def fits_of(frames: Sequence[Frame], counted: Sequence[CountedTurns]) -> list[ProtocolFit]:
    """Return the protocols that understand any of the frames, the best fit first.

    `frames` are those of one characteristic, with all frames that were sent.
    """
    tried = (_fit(name, made, frames, counted) for name, made in PROTOCOLS.items())
    fits = (fit for fit in tried if fit.understood or (fit.is_at_home and fit.values))
    return sorted(fits, key=_rank)


def _rank(fit: ProtocolFit) -> tuple[bool, bool, int, int]:
    return (
        not fit.is_confirmed,
        not fit.is_at_home,
        fit.understood_damaged - fit.understood,
        -fit.understood,
    )


def _fit(
    name: str,
    made: type[WireProtocol],
    frames: Sequence[Frame],
    counted: Sequence[CountedTurns],
) -> ProtocolFit:
    understood, readings = _decoded(made(), frames)
    damaged, _ = _decoded(made(), [one if one.sent else _damaged(one) for one in frames])
    cadences = tuple(_cadence_rpm(readings, turns) for turns in counted)
    homes = {home for gatt in made.gatts for home in gatt.notify}
    return ProtocolFit(
        name,
        understood,
        sum(not frame.sent for frame in frames),
        damaged,
        any(frame.characteristic in homes for frame in frames if not frame.sent),
        _ranges(readings),
        cadences,
        _is_confirmed(cadences, counted),
    )


def _damaged(frame: Frame) -> Frame:
    """Return the frame with another byte in its middle, where no protocol has a fixed one."""
    data = bytearray(frame.data)
    if data:
        data[len(data) // 2] ^= 0x80
    return replace(frame, data=bytes(data))


def _decoded(protocol: WireProtocol, frames: Iterable[Frame]) -> tuple[int, list[Reading]]:
    """Return the number of frames that became Readings without a byte left over, and those."""
    readings: list[Reading] = []
    understood = held = 0
    for frame in frames:
        unusable_bytes = protocol.unusable_bytes
        completed = protocol.feed(frame)
        readings += completed
        if frame.sent:
            continue
        # A frame without a Reading may be the beginning of a message that a later one completes.
        held = held + 1 if protocol.unusable_bytes == unusable_bytes else 0
        if completed:
            understood += held
            held = 0
    return understood, readings


def _ranges(readings: Iterable[Reading]) -> dict[str, tuple[float, float]]:
    ranges: dict[str, tuple[float, float]] = {}
    for reading in readings:
        for name, value in reading.said().items():
            if not isinstance(value, str):
                low, high = ranges.get(name, (value, value))
                ranges[name] = min(low, value), max(high, value)
    return ranges


def _cadence_rpm(readings: Iterable[Reading], turns: CountedTurns) -> float | None:
    decoded = [
        one.cadence_rpm
        for one in readings
        if one.cadence_rpm is not None and turns.from_s <= one.at_ns / _NS_PER_S <= turns.until_s
    ]
    return median(decoded) if decoded else None


def _is_confirmed(cadences: Sequence[float | None], counted: Sequence[CountedTurns]) -> bool:
    return bool(counted) and all(
        rpm is not None and abs(rpm - turns.rpm) <= CADENCE_TOLERANCE * turns.rpm
        for rpm, turns in zip(cadences, counted, strict=True)
    )
