"""Pure protocols: they decode bytes to Readings and encode requests. No I/O, clock or logging."""

from collections.abc import Mapping

from drivers.protocols.ant.cadence import AntCadence
from drivers.protocols.ant.fitness_equipment import FitnessEquipment
from drivers.protocols.ant.power import AntPower
from drivers.protocols.ant.pulse import AntHeartRate
from drivers.protocols.ant.speed_cadence import AntSpeedCadence
from drivers.protocols.base import WireProtocol
from drivers.protocols.bluetooth.domyos import Domyos
from drivers.protocols.bluetooth.echelon import Echelon
from drivers.protocols.bluetooth.fec import Fec
from drivers.protocols.bluetooth.fitshow import Fitshow
from drivers.protocols.bluetooth.flywheel import Flywheel
from drivers.protocols.bluetooth.gymconnect import GymConnect
from drivers.protocols.bluetooth.iconsole import Iconsole
from drivers.protocols.bluetooth.ifit import Ifit
from drivers.protocols.bluetooth.keiser import Keiser
from drivers.protocols.bluetooth.pm5 import Pm5
from drivers.protocols.bluetooth.schwinn import Schwinn
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
    "fec": Fec,
    "cycling_power": CyclingPower,
    "speed_cadence": SpeedCadence,
    "cross_trainer": CrossTrainer,
    "echelon": Echelon,
    "flywheel": Flywheel,
    "ifit": Ifit,
    "gymconnect": GymConnect,
    "pm5": Pm5,
    "schwinn": Schwinn,
    "iconsole": Iconsole,
    "fitshow": Fitshow,
    "domyos": Domyos,
    "heart_rate": HeartRate,
    "keiser": Keiser,
    "peloton": Peloton,
    "kettler": Kettler,
    "daum": Daum,
    "daum_premium": DaumPremium,
    "monark": Monark,
    "computrainer": CompuTrainer,
    "lines": Lines,
    "ant_fec": FitnessEquipment,
    "ant_power": AntPower,
    "ant_speed_cadence": AntSpeedCadence,
    "ant_cadence": AntCadence,
    "ant_heart_rate": AntHeartRate,
}
