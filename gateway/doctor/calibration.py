"""The check that home-made rigs are calibrated, because they only report numbers of their own."""

from collections.abc import Mapping, Sequence

from drivers.registry import DriverStatus
from gateway.bike.calibration_choice import calibration_in_use, device_of
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration_store import CalibrationStore
from gateway.terminal.finding import Finding, warning

NAME = "calibration"
#: The protocol of home-made rigs. Whether another bike reports percent is only known while it is
#: connected, from the status of a running gateway.
RIG = "lines"


def check_calibrations(
    bikes: Sequence[BikeConfig], drivers: Mapping[str, DriverStatus], store: CalibrationStore
) -> list[Finding]:
    """Warn of each rig whose numbers would be taken as percent."""
    return [
        warning(
            NAME,
            f"{bike.id} is not calibrated: its own numbers are taken as percent",
            f"run: sudo alleycat-gateway calibrate {bike.id}",
        )
        for bike in bikes
        if _is_raw_rig(bike) and _is_uncalibrated(bike, drivers[bike.driver], store)
    ]


def _is_raw_rig(bike: BikeConfig) -> bool:
    options = bike.options
    protocol = options.get("protocol", options.get("wire"))
    is_converted = options.get("ignore_resistance") or options.get("resistance_scale")
    return protocol == RIG and not is_converted


def _is_uncalibrated(bike: BikeConfig, driver: DriverStatus, store: CalibrationStore) -> bool:
    return calibration_in_use(bike, device_of(bike, driver), store).calibration.table is None
