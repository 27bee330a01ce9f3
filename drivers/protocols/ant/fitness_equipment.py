"""ANT+ FE-C (Fitness Equipment): the pages of trainers and exercise bikes, four a second.

Each page has 8 bytes, the first of which is its number. Numbers are little-endian. A trainer sends
its general page (16), its own (25) and others in turn. A trainer that is ridden may report the
state "ready", so the state is not used. A trainer derives its cadence from the flywheel, which runs
on without its rider, and a Tacx Neo may even drive it (cagnulein/qdomyos-zwift #2157). So at 0 W,
the cadence of a trainer is 0.

Source: Tigge/openant openant/devices/fitness_equipment.py, incyclist/ant-plus,
StephenHidem/AntPlus; for what trainers send, incyclist/devices.
"""

from dataclasses import dataclass

from drivers.protocols.ant.messages import PAGE_BYTES
from drivers.protocols.base import AntChannel, Evidence, WireProtocol
from drivers.reading import Frame, Reading

GENERAL = 0x10
SETTINGS = 0x11
BIKE = 0x15
TRAINER = 0x19

_NONE_8 = 0xFF
_NONE_12 = 0xFFF
_NONE_16 = 0xFFFF
_HAS_DISTANCE = 1 << 2
_MM_PER_S_PER_KMH = 1000 / 3.6
#: The equipment type and the state of an exercise bike in use, for the encoder.
_IS_BIKE, _IN_USE = 0x15, 3 << 4


@dataclass(frozen=True, slots=True)
class GeneralPage:
    """Page 16. None: not reported. The distance counts from 0 to 255 again and again."""

    speed_kmh: float | None = None
    distance_m: int | None = None
    #: 0 if a device has no sensor.
    heart_rate_bpm: int | None = None


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """Page 17, which few trainers send: the share of the highest resistance."""

    resistance_percent: float | None = None


@dataclass(frozen=True, slots=True)
class EffortPage:
    """Page 25 of a trainer, or 21 of an exercise bike. None: not reported."""

    cadence_rpm: int | None = None
    power_w: int | None = None
    is_trainer: bool = True


FitnessPage = GeneralPage | SettingsPage | EffortPage


def decode_fitness_page(data: bytes) -> FitnessPage | None:
    """Decode a page; return None for one without values, or if `data` is not a page."""
    if len(data) != PAGE_BYTES:
        return None
    match data[0]:
        case 0x10:
            speed = _known(int.from_bytes(data[4:6], "little"), _NONE_16)
            return GeneralPage(
                speed_kmh=None if speed is None else speed / _MM_PER_S_PER_KMH,
                distance_m=data[3] if data[7] & _HAS_DISTANCE else None,
                heart_rate_bpm=_known(data[6], _NONE_8),
            )
        case 0x11:
            # The field counts in half percent.
            return SettingsPage(data[6] / 2 if data[6] <= 200 else None)
        case 0x15:
            power_w = _known(int.from_bytes(data[5:7], "little"), _NONE_16)
            return EffortPage(_known(data[4], _NONE_8), power_w, is_trainer=False)
        case 0x19:
            power_w = _known(data[5] | (data[6] & 0x0F) << 8, _NONE_12)
            return EffortPage(_known(data[2], _NONE_8), power_w)
        case _:
            return None


def encode_fitness_page(page: FitnessPage) -> bytes:
    """Encode a page. Raises ValueError or OverflowError for a value that does not fit."""
    match page:
        case GeneralPage(speed_kmh, distance_m, heart_rate_bpm):
            speed = _NONE_16 if speed_kmh is None else round(speed_kmh * _MM_PER_S_PER_KMH)
            flags = _IN_USE | (0 if distance_m is None else _HAS_DISTANCE)
            heart_rate = _NONE_8 if heart_rate_bpm is None else heart_rate_bpm
            wide = speed.to_bytes(2, "little")
            return bytes((GENERAL, _IS_BIKE, 0, distance_m or 0, *wide, heart_rate, flags))
        case SettingsPage(percent):
            level = _NONE_8 if percent is None else round(2 * percent)
            return bytes((SETTINGS, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, level, _IN_USE))
        case EffortPage(cadence_rpm, power_w, is_trainer):
            cadence = _NONE_8 if cadence_rpm is None else cadence_rpm
            if not is_trainer:
                wide = (_NONE_16 if power_w is None else power_w).to_bytes(2, "little")
                return bytes((BIKE, 0xFF, 0xFF, 0xFF, cadence, *wide, _IN_USE))
            low, high = divmod(_NONE_12 if power_w is None else power_w, 0x100)[::-1]
            if high > 0x0F:
                raise ValueError(f"power_w={power_w} does not fit")
            return bytes((TRAINER, 0, cadence, 0, 0, low, high, _IN_USE))


class FitnessEquipment(WireProtocol):
    """One connection. Only few trainers report their resistance, and none that was captured."""

    evidence = Evidence.REAL_FRAMES
    ant = AntChannel(device_type=17, period_ticks=8192)

    def __init__(self) -> None:
        super().__init__()
        self._distance_m: int | None = None

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading, with the values of the page."""
        if frame.sent:
            return []
        if len(frame.data) != PAGE_BYTES:
            self.unusable_bytes += len(frame.data)
            return []
        reading = self._reading(frame.at_ns, decode_fitness_page(frame.data))
        return [reading] if reading.said() else []

    def _reading(self, at_ns: int, page: FitnessPage | None) -> Reading:
        match page:
            case GeneralPage(speed_kmh, distance_m, heart_rate_bpm):
                return Reading(
                    at_ns,
                    speed_kmh=speed_kmh,
                    distance_m=self._total(distance_m),
                    heart_rate_bpm=heart_rate_bpm or None,
                )
            case SettingsPage(resistance_percent):
                return Reading(at_ns, resistance_percent=resistance_percent)
            case EffortPage(_, 0, is_trainer=True):
                return Reading(at_ns, cadence_rpm=0, power_w=0)
            case EffortPage(cadence_rpm, power_w):
                return Reading(at_ns, cadence_rpm=cadence_rpm, power_w=power_w)
            case None:
                return Reading(at_ns)

    def _total(self, distance_m: int | None) -> int | None:
        """Return the distance without its jumps from 255 to 0, in metres."""
        if distance_m is None:
            return None
        if self._distance_m is None:
            self._distance_m = distance_m
        self._distance_m += (distance_m - self._distance_m) & 0xFF
        return self._distance_m


def _known(value: int, none: int) -> int | None:
    return None if value == none else value
