"""The choice of a bike's calibration: the one saved for this device, else the config's."""

from dataclasses import dataclass

from drivers.registry import DriverStatus
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration import Calibration
from gateway.sampling.calibration_record import CalibrationFormatError, CalibrationRecord
from gateway.sampling.calibration_store import CalibrationStore


@dataclass(frozen=True, slots=True)
class CalibrationInUse:
    """The calibration that a bike uses.

    `device` identifies the physical bike. `record` is the saved calibration, if that is the one in
    use. `problem` is the reason why a saved one is not used.
    """

    device: str
    calibration: Calibration
    record: CalibrationRecord | None = None
    problem: str = ""


def calibration_in_use(bike: BikeConfig, device: str, store: CalibrationStore) -> CalibrationInUse:
    """Return the calibration in use for a bike; `device` as returned by `device_of`.

    Reads a small file.
    """
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
            problem=f"not used: it was made on {record.device}, but this bike is {device}",
        )
    return CalibrationInUse(device, record.calibration, record)


def device_of(bike: BikeConfig, driver: DriverStatus) -> str:
    """Return what identifies the physical bike, such as "ble C0:FF:EE:12:34:56"."""
    if driver.driver is None:
        return bike.driver
    options = driver.driver.Options.model_validate(bike.options)
    return f"{bike.driver} {options.who}".rstrip()
