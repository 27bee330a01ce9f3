"""Pure protocols: they decode bytes to Readings and encode requests. No I/O, clock or logging."""

from collections.abc import Mapping

from drivers.protocols.base import WireProtocol
from drivers.protocols.cross_trainer import CrossTrainer
from drivers.protocols.cycling_power import CyclingPower
from drivers.protocols.daum import Daum
from drivers.protocols.echelon import Echelon
from drivers.protocols.flywheel import Flywheel
from drivers.protocols.ftms import Ftms
from drivers.protocols.heart_rate import HeartRate
from drivers.protocols.keiser import Keiser
from drivers.protocols.kettler import Kettler
from drivers.protocols.lines import Lines
from drivers.protocols.monark import Monark
from drivers.protocols.peloton import Peloton
from drivers.protocols.speed_cadence import SpeedCadence

#: The order matters for a Bluetooth bike with several protocols: the one with more values is first.
PROTOCOLS: Mapping[str, type[WireProtocol]] = {
    "ftms": Ftms,
    "cycling_power": CyclingPower,
    "speed_cadence": SpeedCadence,
    "cross_trainer": CrossTrainer,
    "echelon": Echelon,
    "flywheel": Flywheel,
    "heart_rate": HeartRate,
    "keiser": Keiser,
    "peloton": Peloton,
    "kettler": Kettler,
    "daum": Daum,
    "monark": Monark,
    "lines": Lines,
}
