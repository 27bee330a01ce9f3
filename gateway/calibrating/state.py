"""The state of a bike's calibration and of its link, as a calibration session reports them.

Both are also messages of the calibration socket (gateway/calibrating/messages.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from drivers.contract import ResistanceTable
from gateway.bike.calibration_choice import CalibrationInUse
from gateway.bike.link import LinkState
from gateway.host.errors import GatewayError
from gateway.sampling.calibration import AS_PERCENT, Calibration, CalibrationTable, Quantity
from gateway.sampling.calibration_record import CalibrationRecord


class CalibrationError(GatewayError):
    """A request failed, or the session has ended. The text gives the reason and the remedy."""


class Origin(StrEnum):
    """The source of the calibration in use."""

    #: A trial, which is reverted when the session ends.
    TRIAL = "trial"
    #: A calibration that `calibrate` saved.
    SAVED = "saved"
    #: The `calibration` points in the config.
    CONFIG = "config"
    #: There is no calibration: the numbers that the bike sends are used.
    BIKE = "bike"


@dataclass(frozen=True, slots=True)
class CalibrationState:
    """The calibration of a bike at one moment."""

    bike_id: str
    #: The device, as a CalibrationRecord names it.
    device: str
    #: The calibration that races use.
    in_use: Calibration
    origin: Origin
    #: The saved calibration, if it is of this device.
    record: CalibrationRecord | None = None
    #: Why the saved calibration is not used: it is damaged or of another device. Else empty.
    problem: str = ""
    #: Earlier saved calibrations; 1 is the newest.
    backups: Mapping[int, CalibrationRecord] = field(default_factory=dict)
    #: The driver's table, if there is one. Check its `origin`: the bike may send its own table some
    #: seconds after it was connected; until then the table may be that of another bike.
    resistance_table: ResistanceTable | None = None
    tell: Literal["state"] = "state"

    def percent_table(self, quantity: Quantity) -> CalibrationTable:
        """Return the table that currently converts `quantity` to percent."""
        if self.in_use.table is not None and self.in_use.quantity == quantity:
            return self.in_use.table
        if quantity == "raw" and self.resistance_table is not None:
            return CalibrationTable(self.resistance_table.points)
        return AS_PERCENT


def state_of(
    bike_id: str,
    found: CalibrationInUse,
    trial: Calibration | None,
    backups: Mapping[int, CalibrationRecord],
    table: ResistanceTable | None,
) -> CalibrationState:
    """Return the state of a bike. `found` ignores the `trial`; `table` is the driver's."""
    if trial is not None:
        origin = Origin.TRIAL
    elif found.record is not None:
        origin = Origin.SAVED
    else:
        origin = Origin.BIKE if found.calibration.table is None else Origin.CONFIG
    return CalibrationState(
        bike_id=bike_id,
        device=found.device,
        in_use=found.calibration if trial is None else trial,
        origin=origin,
        record=found.record,
        problem=found.problem,
        backups=backups,
        resistance_table=table,
    )


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The link to a bike; `reason` is why it was lost."""

    state: LinkState
    reason: str = ""
    tell: Literal["link"] = "link"
