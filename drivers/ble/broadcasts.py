"""The Readings of a bike that only broadcasts, until its broadcasts end."""

from collections.abc import AsyncGenerator, Callable

from drivers.ble.options import BleOptions
from drivers.ble.radio import Advertisement, Radio
from drivers.contract import BikeLost, Clock
from drivers.conversation import Conversation
from drivers.protocols.bluetooth.keiser import Keiser
from drivers.reading import Reading

#: Seconds without a broadcast after which a broadcasting bike is lost (ptx2/gymnasticon).
BROADCAST_GONE_S = 60.0
#: Seconds without a broadcast after which the scan is restarted: it may have died with bluetoothd.
RESCAN_S = 8.0


async def overheard(
    adapter: Radio,
    found: Advertisement,
    talk: Conversation,
    options: BleOptions,
    clock: Clock,
    measure: Callable[[Radio, Advertisement], None],
) -> AsyncGenerator[Reading, None]:
    """Yield the Readings of the bike, `found` first, and `measure` the signal of each broadcast.

    Raises BikeLost when it falls silent.
    """
    async with adapter.overhear() as listener:
        heard: Advertisement | None = found
        silent_s = 0.0
        while silent_s < BROADCAST_GONE_S:
            if heard is None:
                silent_s += RESCAN_S
                await adapter.restart_scan()
            else:
                silent_s = 0.0
                measure(adapter, heard)
                data = heard.manufacturer_data.get(Keiser.company_id or 0, b"")
                for reading in talk.hear(clock.monotonic_ns(), data):
                    yield reading
            heard = await listener.next(options.means, RESCAN_S)
    raise BikeLost(f"{options.who} sent no broadcast for {BROADCAST_GONE_S:g} s")
