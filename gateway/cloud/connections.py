"""The connections of a gateway to the cloud: their number, their client ids, and a new network."""

from collections.abc import Sequence

from gateway.cloud.iot_core import IotCore
from gateway.config.cloud import CloudConfig
from gateway.host.routes import routes
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: Bikes per connection; at 1 message/s each this leaves 20/s for backlog at the default rate.
BIKES_PER_CONNECTION = 60


def connections(cloud: CloudConfig, thing_name: str, bikes: int) -> list[IotCore]:
    """Return the connections for this number of bikes. Raises CredentialsError."""
    return [IotCore(cloud, client_id) for client_id in client_ids(thing_name, bikes)]


def client_ids(thing_name: str, bikes: int) -> list[str]:
    """Return the thing's name, then `<thing>:2` … if one connection cannot carry all bikes.

    The thing's policy in config/aws/template.yaml must allow these client ids.
    """
    count = -(-bikes // BIKES_PER_CONNECTION)
    return [thing_name, *(f"{thing_name}:{number}" for number in range(2, count + 1))]


async def follow_routes(uplinks: Sequence[IotCore], clock: GatewayClock) -> None:
    """Connect as soon as there is a new route: otherwise the next attempt may be a minute away."""
    known = routes()
    while True:
        await clock.sleep_until(clock.monotonic_ns() + NS_PER_S)
        found = routes()
        if found - known:
            for uplink in uplinks:
                uplink.hasten()
        known = found
