"""The fake bike's output: plain values, or bytes that pass through a real protocol."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, Protocol

from drivers.contract import FrameListener
from drivers.fake.faults import Faults
from drivers.fake.pot import Pot
from drivers.fake.rider import BikeState
from drivers.protocols.base import WireProtocol
from drivers.protocols.serial.lines import Lines, encode_pairs, with_checksum
from drivers.protocols.serial.peloton import (
    Peloton,
    PelotonOp,
    PelotonResponse,
    encode_response,
)
from drivers.protocols.serial.peloton_table import resistance_raw
from drivers.protocols.standard import ftms
from drivers.reading import Frame, Reading

WireName = Literal["none", "ftms", "peloton", "lines"]


class Voice(Protocol):
    """The output of one kind of bike during one connection.

    It is created with the faults of the ride and the pot on the knob, which only some kinds use.
    """

    stale_after_s: float
    #: The time between messages.
    period_ms: int
    #: The time in which every value is sent once.
    cycle_ms: int

    def __init__(self, faults: Faults, pot: Pot, on_frame: FrameListener) -> None: ...

    def say(self, state: BikeState, ms: int, at_ns: int) -> list[Reading]:
        """Return the Readings that report `state`, at `ms` into the ride, which is `at_ns`."""
        ...


class PlainVoice:
    """Values without bytes, with the resolution of a good bike: 0.1 rpm, 0.1 %, 1 W."""

    stale_after_s = 3.0
    period_ms = 250
    cycle_ms = 250

    def __init__(self, faults: Faults, pot: Pot, on_frame: FrameListener) -> None:
        del pot, on_frame  # There are no bytes, so there are no Frames.
        self._faults = faults

    def say(self, state: BikeState, ms: int, at_ns: int) -> list[Reading]:
        reading = Reading(
            at_ns=at_ns,
            cadence_rpm=round(state.cadence_rpm, 1),
            resistance_percent=round(state.resistance_percent, 1),
            power_w=float(round(state.power_w)),
            speed_kmh=round(state.speed_kmh, 2),
            heart_rate_bpm=float(round(state.heart_rate_bpm)),
        )
        return self._faults.repeat([reading], ms, ms + self.period_ms)


class FtmsVoice:
    """Indoor Bike Data notifications, at a higher rate than that of most bikes."""

    stale_after_s = ftms.Ftms.stale_after_s
    period_ms = 250
    cycle_ms = 250

    #: Small enough that a record takes two notifications or more.
    _SPLIT_BYTES = 8

    def __init__(self, faults: Faults, pot: Pot, on_frame: FrameListener) -> None:
        del pot  # The bike has a sensor of its own.
        self._faults = faults
        self._on_frame = on_frame
        self._protocol = ftms.Ftms()

    def say(self, state: BikeState, ms: int, at_ns: int) -> list[Reading]:
        span = (ms, ms + self.period_ms)
        data = ftms.IndoorBikeData(
            speed_kmh=state.speed_kmh,
            cadence_rpm=state.cadence_rpm,
            resistance_level=round(state.resistance_percent),
            power_w=round(state.power_w),
            heart_rate_bpm=round(state.heart_rate_bpm),
        )
        messages = [ftms.encode_indoor_bike_data(data)]
        if self._faults.hits("split_per_min", *span):
            messages = ftms.encode_indoor_bike_record(data, max_bytes=self._SPLIT_BYTES)[::-1]
        messages = self._faults.repeat(self._faults.damage(messages, *span), *span)
        return _heard(
            self._protocol, [Frame(at_ns, one) for one in messages], partial(self._on_frame, "ftms")
        )


class PelotonVoice:
    """Answers to polls of cadence, power and raw resistance in turn, one every 100 ms."""

    stale_after_s = Peloton.stale_after_s
    period_ms = 100
    cycle_ms = 300

    def __init__(self, faults: Faults, pot: Pot, on_frame: FrameListener) -> None:
        del pot  # The bike has a sensor of its own.
        self._faults = faults
        self._on_frame = on_frame
        self._protocol = Peloton()

    def say(self, state: BikeState, ms: int, at_ns: int) -> list[Reading]:
        span = (ms, ms + self.period_ms)
        messages = _over_a_serial_line(_answer(state, ms), self._faults, *span)
        return _heard(
            self._protocol,
            [Frame(at_ns, one) for one in messages],
            partial(self._on_frame, "peloton"),
        )


class LinesVoice:
    """A home-made rig: an Arduino with a reed switch and a pot, but without a power meter.

    It reports the pot even while the pedals are still.
    """

    stale_after_s = Lines.stale_after_s
    period_ms = 100
    cycle_ms = 100

    def __init__(self, faults: Faults, pot: Pot, on_frame: FrameListener) -> None:
        self._faults = faults
        self._pot = pot
        self._on_frame = on_frame
        self._protocol = Lines()

    def say(self, state: BikeState, ms: int, at_ns: int) -> list[Reading]:
        span = (ms, ms + self.period_ms)
        line = with_checksum(
            encode_pairs(
                rpm=round(state.cadence_rpm, 1),
                res=self._pot.counts_at(state.knob_percent, state.last_turn, state.sensor_noise),
            )
        )
        messages = _over_a_serial_line(line, self._faults, *span)
        return _heard(
            self._protocol,
            [Frame(at_ns, one) for one in messages],
            partial(self._on_frame, "lines"),
        )


VOICES: Mapping[WireName, type[Voice]] = {
    "none": PlainVoice,
    "ftms": FtmsVoice,
    "peloton": PelotonVoice,
    "lines": LinesVoice,
}


def _answer(state: BikeState, ms: int) -> bytes:
    """Return the answer to the poll whose turn it is at this instant."""
    match ms // PelotonVoice.period_ms % 3:
        case 0:
            response = PelotonResponse(PelotonOp.CADENCE, round(state.cadence_rpm))
        case 1:
            response = PelotonResponse(PelotonOp.POWER, round(state.power_w * 10))
        case _:
            raw = resistance_raw(state.resistance_percent)
            response = PelotonResponse(PelotonOp.RESISTANCE_RAW, round(raw))
    return encode_response(response)


def _over_a_serial_line(message: bytes, faults: Faults, from_ms: int, until_ms: int) -> list[bytes]:
    """Return the parts of a message as they arrive over a serial line."""
    messages = faults.repeat(faults.damage([message], from_ms, until_ms), from_ms, until_ms)
    if not faults.hits("split_per_min", from_ms, until_ms):
        return messages
    middle = len(messages[0]) // 2
    return [part for whole in messages for part in (whole[:middle], whole[middle:])]


def _heard(
    protocol: WireProtocol, frames: list[Frame], show: Callable[[Frame], None]
) -> list[Reading]:
    readings = []
    for frame in frames:
        show(frame)
        readings += protocol.feed(frame)
    return readings
