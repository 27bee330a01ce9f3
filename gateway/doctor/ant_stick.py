"""The check that the ANT stick is plugged in and answers."""

from collections.abc import Sequence

from drivers.ant.radio import shared_radio
from drivers.clock import MachineClock
from drivers.contract import BikeLost
from gateway.config.schema import BikeConfig
from gateway.terminal.finding import Finding, failed, ok

NAME = "ant"


async def check_ant_stick(bikes: Sequence[BikeConfig]) -> list[Finding]:
    """Open the stick as the gateway would. Not to be used while a gateway runs."""
    needing = [bike.id for bike in bikes if bike.driver == "ant"]
    if not needing:
        return []
    try:
        async with shared_radio(MachineClock()):
            return [ok(NAME, f"the ANT stick for {', '.join(needing)} answers")]
    except BikeLost as error:
        return [failed(NAME, str(error), "`lsusb -d 0fcf:` lists the sticks that are plugged in")]
