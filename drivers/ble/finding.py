"""Finding one bike on the air, and keeping other gateways from using it meanwhile."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from drivers.bike_lock import bike_lock
from drivers.ble.options import BleOptions
from drivers.ble.radio import Advertisement, Radio
from drivers.contract import BikeAbsent

#: How long one search for a bike lasts, in seconds. It is long, so that a bike is connected as soon
#: as it wakes up.
APPEAR_S = 30.0


@asynccontextmanager
async def find_bike(options: BleOptions, adapter: Radio) -> AsyncIterator[Advertisement]:
    """Find the bike, and lock it until the end. Raises BikeLost."""
    with ExitStack() as stack:
        if options.equipment_id is None:
            stack.enter_context(bike_lock(options.who))
            await adapter.let_go_of(options.is_linked)
        found = await adapter.find(options.means, APPEAR_S)
        if found is None:
            raise BikeAbsent(
                f"{options.who} was not found within {APPEAR_S:g} s: pedal to wake it up, move "
                "it closer, and disconnect it from other devices and apps"
            )
        yield found
