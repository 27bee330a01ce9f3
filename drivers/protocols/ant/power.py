"""ANT+ bicycle power: the pages of power meters in cranks, pedals and hubs, four a second.

Page 16 has the power. Pages 17 (wheel) and 18 (crank) have the sum of the torque instead, from
which the power between two of them follows; a meter that sends several kinds has only one power.
Page 32 of old SRM cranks counts with an offset, which they send only when they are calibrated:
without it, only their cadence is known. A page whose event count is that of the page before it is a
repetition. Numbers are little-endian, those of page 32 and of the calibration big-endian.

Source: GoldenCheetah/GoldenCheetah src/ANT/ANTMessage.cpp, ANTChannel.cpp and #2259,
StephenHidem/AntPlus, Tigge/openant openant/devices/power_meter.py.
"""

from dataclasses import dataclass
from math import tau

from drivers.protocols.ant.messages import PAGE_BYTES
from drivers.protocols.base import AntChannel, Evidence, WireProtocol
from drivers.protocols.standard.crank import MAX_CADENCE_RPM, MAX_SKEW_NS, NS_PER_S
from drivers.reading import Frame, Reading

#: The crank has stopped if a meter repeats itself for this long: some repeat a page four times.
STOPPED_NS = 3_000_000_000
#: After this time without a new event, the sums start over. The longer it is, the more sums of a
#: meter that has restarted meanwhile look like those of a ride; a turn of 4 s is 15 rpm.
FORGOTTEN_NS = 4_000_000_000
#: If a wheel seems to turn faster, its sums have restarted: 1000 rpm are 125 km/h.
MAX_WHEEL_RPM = 1000

_CALIBRATION = 0x01
_POWER = 0x10
_WHEEL_TORQUE = 0x11
_CRANK_TORQUE = 0x12
_FREQUENCY = 0x20
#: The beginning of the page with the offset of page 32.
_OFFSET = bytes((_CALIBRATION, 0x10, 0x01))

_NONE = 0xFF
_PERIODS_PER_S = 2048
_COUNTS_PER_NM = 32
_FREQUENCY_PERIODS_PER_S = 2000
_RPM_PER_RAD_S = 60 / tau


@dataclass(frozen=True, slots=True)
class PowerPage:
    """Page 16. `cadence_rpm` is None if it is not reported."""

    event: int
    power_w: int
    cadence_rpm: int | None = None


@dataclass(frozen=True, slots=True)
class TorquePage:
    """Page 18 of a crank, or 17 of a wheel: sums that wrap at 65536, as they are on the wire."""

    event: int
    #: In 1/2048 s.
    period: int
    #: In 1/32 Nm.
    torque: int
    #: As the meter reports it itself.
    cadence_rpm: int | None = None
    is_crank: bool = True


@dataclass(frozen=True, slots=True)
class FrequencyPage:
    """Page 32: sums that wrap at 65536, as they are on the wire."""

    event: int
    #: In 0.1 Hz for each Nm.
    slope: int
    #: In 1/2000 s.
    period: int
    ticks: int


@dataclass(frozen=True, slots=True)
class OffsetPage:
    """The frequency of page 32 without a torque, sent when a meter is calibrated."""

    offset_hz: int


CountedPage = PowerPage | TorquePage | FrequencyPage
MeterPage = CountedPage | OffsetPage


def decode_meter_page(data: bytes) -> MeterPage | None:
    """Decode a page; return None for one without values, or if `data` is not a page."""
    if len(data) != PAGE_BYTES:
        return None
    if data.startswith(_OFFSET):
        return OffsetPage(int.from_bytes(data[6:8], "big"))
    page, event = data[0], data[1]
    cadence_rpm = None if data[3] == _NONE else data[3]
    match page:
        case 0x10:
            return PowerPage(event, int.from_bytes(data[6:8], "little"), cadence_rpm)
        case 0x11 | 0x12:
            period, torque = (int.from_bytes(data[at : at + 2], "little") for at in (4, 6))
            return TorquePage(event, period, torque, cadence_rpm, page == _CRANK_TORQUE)
        case 0x20:
            return FrequencyPage(
                event, *(int.from_bytes(data[at : at + 2], "big") for at in (2, 4, 6))
            )
        case _:
            return None


def encode_meter_page(page: MeterPage) -> bytes:
    """Encode a page. Raises ValueError or OverflowError for a value that does not fit."""
    match page:
        case PowerPage(event, power_w, cadence_rpm):
            power = power_w.to_bytes(2, "little")
            cadence = _NONE if cadence_rpm is None else cadence_rpm
            return bytes((_POWER, event, _NONE, cadence, 0, 0, *power))
        case TorquePage(event, period, torque, cadence_rpm, is_crank):
            number = _CRANK_TORQUE if is_crank else _WHEEL_TORQUE
            cadence = _NONE if cadence_rpm is None else cadence_rpm
            sums = period.to_bytes(2, "little") + torque.to_bytes(2, "little")
            return bytes((number, event, event, cadence, *sums))
        case FrequencyPage(event, slope, period, ticks):
            sums = b"".join(number.to_bytes(2, "big") for number in (slope, period, ticks))
            return bytes((_FREQUENCY, event)) + sums
        case OffsetPage(offset_hz):
            return _OFFSET + bytes((_NONE,) * 3) + offset_hz.to_bytes(2, "big")


def _is_restart(page: CountedPage, last: CountedPage | None, elapsed_ns: int) -> bool:
    """Return whether sums have started over, so that their difference means nothing.

    It then covers more time than has passed, or more turns than legs or a wheel can do.
    """
    max_rpm: float = MAX_CADENCE_RPM
    match page, last:
        case TorquePage(), TorquePage():
            periods_per_s = _PERIODS_PER_S
            max_rpm = MAX_CADENCE_RPM if page.is_crank else MAX_WHEEL_RPM
        case FrequencyPage(), FrequencyPage():
            periods_per_s = _FREQUENCY_PERIODS_PER_S
        case _:
            return False
    period_s = ((page.period - last.period) & 0xFFFF) / periods_per_s
    turns = (page.event - last.event) & 0xFF
    is_too_fast = 60 * turns > max_rpm * period_s
    return is_too_fast or period_s > (elapsed_ns + MAX_SKEW_NS) / NS_PER_S


class AntPower(WireProtocol):
    """One connection."""

    evidence = Evidence.REAL_FRAMES
    ant = AntChannel(device_type=11, period_ticks=8182)

    def __init__(self) -> None:
        super().__init__()
        #: The last page of each kind that was not a repetition, and its time.
        self._last: dict[int, tuple[CountedPage, int]] = {}
        self._moved_ns: int | None = None
        self._offset_hz: int | None = None

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading: none for a repetition, zeros once only repetitions arrive."""
        if frame.sent:
            return []
        if len(frame.data) != PAGE_BYTES:
            self.unusable_bytes += len(frame.data)
            return []
        page = decode_meter_page(frame.data)
        if isinstance(page, OffsetPage):
            self._offset_hz = page.offset_hz
        if page is None or isinstance(page, OffsetPage):
            return []
        last, last_ns = self._last.get(frame.data[0], (None, frame.at_ns))
        if last is not None and last.event == page.event:
            return self._stopped(frame.at_ns)
        self._last[frame.data[0]] = page, frame.at_ns
        self._moved_ns = frame.at_ns
        elapsed_ns = frame.at_ns - last_ns
        is_usable = elapsed_ns <= FORGOTTEN_NS and not _is_restart(page, last, elapsed_ns)
        reading = self._reading(frame.at_ns, page, last if is_usable else None)
        return [reading] if reading.said() else []

    def _stopped(self, at_ns: int) -> list[Reading]:
        if self._moved_ns is None or at_ns - self._moved_ns < STOPPED_NS:
            return []
        return [Reading(at_ns, cadence_rpm=0, power_w=0)]

    def _reading(self, at_ns: int, page: CountedPage, last: CountedPage | None) -> Reading:
        match page, last:
            case PowerPage(), _:
                return Reading(at_ns, cadence_rpm=page.cadence_rpm, power_w=page.power_w)
            case TorquePage(), TorquePage():
                return self._from_torque(at_ns, page, last)
            case TorquePage(), _:
                return Reading(at_ns, cadence_rpm=page.cadence_rpm)
            case FrequencyPage(), FrequencyPage():
                return self._from_frequency(at_ns, page, last)
            case _:
                return Reading(at_ns)

    def _from_torque(self, at_ns: int, page: TorquePage, last: TorquePage) -> Reading:
        events = (page.event - last.event) & 0xFF
        period_s = ((page.period - last.period) & 0xFFFF) / _PERIODS_PER_S
        torque_nm = ((page.torque - last.torque) & 0xFFFF) / _COUNTS_PER_NM
        if not period_s:
            return Reading(at_ns, cadence_rpm=page.cadence_rpm)
        turns_rpm = 60 * events / period_s
        return Reading(
            at_ns,
            cadence_rpm=turns_rpm if page.is_crank else page.cadence_rpm,
            # The power of page 16 is better, if there is one.
            power_w=None if _POWER in self._last else tau * torque_nm / period_s,
        )

    def _from_frequency(self, at_ns: int, page: FrequencyPage, last: FrequencyPage) -> Reading:
        events = (page.event - last.event) & 0xFF
        period_s = ((page.period - last.period) & 0xFFFF) / _FREQUENCY_PERIODS_PER_S
        ticks = (page.ticks - last.ticks) & 0xFFFF
        if not period_s or not page.slope:
            return Reading(at_ns)
        cadence_rpm = 60 * events / period_s
        if self._offset_hz is None:
            return Reading(at_ns, cadence_rpm=cadence_rpm)
        torque_nm = (ticks / period_s - self._offset_hz) * 10 / page.slope
        return Reading(
            at_ns,
            cadence_rpm=cadence_rpm,
            power_w=max(0.0, torque_nm * cadence_rpm / _RPM_PER_RAD_S),
        )
