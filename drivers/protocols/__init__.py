"""Pure protocols: they decode bytes to Readings and encode requests. No I/O, clock or logging."""

from collections.abc import Mapping

from drivers.protocols.base import WireProtocol
from drivers.protocols.bluetooth.echelon import Echelon
from drivers.protocols.bluetooth.flywheel import Flywheel
from drivers.protocols.bluetooth.keiser import Keiser
from drivers.protocols.serial.computrainer import CompuTrainer
from drivers.protocols.serial.daum import Daum
from drivers.protocols.serial.daum_premium import DaumPremium
from drivers.protocols.serial.kettler import Kettler
from drivers.protocols.serial.lines import Lines
from drivers.protocols.serial.monark import Monark
from drivers.protocols.serial.peloton import Peloton
from drivers.protocols.standard.cross_trainer import CrossTrainer
from drivers.protocols.standard.cycling_power import CyclingPower
from drivers.protocols.standard.ftms import Ftms
from drivers.protocols.standard.heart_rate import HeartRate
from drivers.protocols.standard.speed_cadence import SpeedCadence

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
    "daum_premium": DaumPremium,
    "monark": Monark,
    "computrainer": CompuTrainer,
    "lines": Lines,
}
