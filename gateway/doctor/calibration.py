"""The check that bikes are calibrated which only report numbers of their own."""

from collections.abc import Mapping, Sequence

from drivers.registry import DriverStatus
from gateway.bike.calibration_choice import calibration_in_use, device_of
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration_store import CalibrationStore
from gateway.terminal.finding import Finding, warning

NAME = "calibration"


def check_calibrations(
    bikes: Sequence[BikeConfig], drivers: Mapping[str, DriverStatus], store: CalibrationStore
) -> list[Finding]:
    """Warn of each real bike whose numbers would be taken as percentages.

    Some bikes report percent or not, which is only known while they are connected, from the status
    of a running gateway.
    """
    return [
        warning(
            NAME,
            f"{bike.id} is not calibrated: its own numbers are taken as percentages",
            f"run: alleycat-gateway calibrate {bike.id}",
        )
        for bike in bikes
        if not bike.is_simulated
        and _reports_own_number(bike, drivers[bike.driver])
        and _is_uncalibrated(bike, drivers[bike.driver], store)
    ]


def _reports_own_number(bike: BikeConfig, driver: DriverStatus) -> bool:
    if driver.driver is None:
        return False
    return driver.driver.Options.model_validate(bike.options).reports_own_number


def _is_uncalibrated(bike: BikeConfig, driver: DriverStatus, store: CalibrationStore) -> bool:
    return calibration_in_use(bike, device_of(bike, driver), store).calibration.table is None
