"""Which calibration holds for a bike: the saved one of this machine, else the config's."""

from dataclasses import dataclass

from drivers.registry import DriverStatus
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration import Calibration
from gateway.sampling.calibration_record import CalibrationFormatError, CalibrationRecord
from gateway.sampling.calibration_store import CalibrationStore


@dataclass(frozen=True, slots=True)
class CalibrationInUse:
    """`device`: the bike's machine. `record`: the saved one, if that is it.

    `problem`: why a saved one is not used.
    """

    device: str
    calibration: Calibration
    record: CalibrationRecord | None = None
    problem: str = ""


def calibration_in_use(bike: BikeConfig, device: str, store: CalibrationStore) -> CalibrationInUse:
    """`device`: the bike's machine, see `device_of`. Reads a small file."""
    try:
        record = store.load(bike.id)
    except (CalibrationFormatError, OSError) as error:
        return CalibrationInUse(device, bike.points, problem=f"not used: {error}")
    if record is None:
        return CalibrationInUse(device, bike.points)
    if record.device != device:
        return CalibrationInUse(
            device,
            bike.points,
            problem=f"not used: it is of {record.device}, and this bike is {device}; "
            f"expected: alleycat-gateway calibrate {bike.id}",
        )
    return CalibrationInUse(device, record.calibration, record)


def device_of(bike: BikeConfig, driver: DriverStatus) -> str:
    """The machine under the rider, such as "ble C0:FF:EE:12:34:56"; `driver`: the bike's."""
    if driver.driver is None:
        return bike.driver
    options = driver.driver.Options.model_validate(bike.options)
    return f"{bike.driver} {options.who}".rstrip()
