"""How a bike is calibrated, and how its link is: what a calibration session tells of it.

Both are messages of the calibration socket as they are (gateway/calibrating/messages.py).
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
    """What was asked is not done, or the session has ended. The text says why, and what to do."""


class Origin(StrEnum):
    """Where the calibration comes from by which a bike's numbers are read."""

    #: Being tried out; undone when the session ends.
    TRIAL = "trial"
    #: What `calibrate` has saved.
    SAVED = "saved"
    #: The `calibration` points in the config.
    CONFIG = "config"
    #: There is none: the bike's own numbers count.
    BIKE = "bike"


@dataclass(frozen=True, slots=True)
class CalibrationState:
    """How a bike is calibrated at one moment."""

    bike_id: str
    #: Which machine it is, as a CalibrationRecord names it.
    device: str
    #: What the race goes by.
    in_use: Calibration
    origin: Origin
    #: What is saved, if it is of this machine.
    record: CalibrationRecord | None = None
    #: Why what is saved is not used: it is another machine's, or damaged. Else empty.
    problem: str = ""
    #: What was saved before: 1 is the newest.
    backups: Mapping[int, CalibrationRecord] = field(default_factory=dict)
    #: Of bikes that have one. Look at its `origin`: the bike's own may come some seconds after the
    #: bike was connected, and another bike's is none to go by.
    resistance_table: ResistanceTable | None = None
    tell: Literal["state"] = "state"

    def percent_table(self, quantity: Quantity) -> CalibrationTable:
        """By which the race makes percent of that number of the bike now."""
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
    """`found`: what holds but for the `trial`. `table`: the driver's."""
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
    """How the link to the bike is; `reason` says why it was lost."""

    state: LinkState
    reason: str = ""
    tell: Literal["link"] = "link"
