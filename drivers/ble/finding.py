"""Finding one bike on the air, and keeping other gateways from using it meanwhile."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from drivers.bike_lock import bike_lock
from drivers.ble.bluez import BluetoothLink
from drivers.ble.options import BleOptions
from drivers.ble.radio import Advertisement, Radio
from drivers.contract import BikeAbsent, BikeLost

#: How long one search for a bike lasts, in seconds. It is long, so that a bike is connected as soon
#: as it wakes up.
APPEAR_S = 30.0
#: How long to wait for the name of a bike that was found, in seconds: bikes may send it in a packet
#: of its own, the answer to a scan request.
NAME_S = 1.0
#: How long BlueZ may take to read the name of a connected bike that advertises none, in seconds.
READ_NAME_S = 0.5


@asynccontextmanager
async def find_bike(
    options: BleOptions, adapter: Radio, name_s: float = NAME_S
) -> AsyncIterator[Advertisement]:
    """Find the bike, and lock it until the end. Raises BikeLost.

    A name that its first advertisement lacks is waited for up to `name_s` seconds.
    """
    with ExitStack() as stack:
        is_connected = options.equipment_id is None
        if is_connected:
            stack.enter_context(bike_lock(options.who))
            await adapter.let_go_of(lambda link: _is_left_behind(link, options))
        found = await adapter.find(options.means, APPEAR_S, name_s)
        if found is None:
            raise BikeAbsent(
                f"{options.who} was not found within {APPEAR_S:g} s: pedal to wake it up, move "
                "it closer, and disconnect it from other devices and apps"
            )
        if is_connected and found.address != options.who:
            # It may be another one of the same name, which lost its link a moment ago.
            stack.enter_context(bike_lock(found.address))
        yield found


def _is_left_behind(link: BluetoothLink, options: BleOptions) -> bool:
    """Return whether a link is that of the bike, not that of a bike of the same name in use."""
    if not options.is_linked(link):
        return False
    if link.address == options.who:
        return True
    try:
        with bike_lock(link.address):
            return True
    except BikeLost:
        return False
