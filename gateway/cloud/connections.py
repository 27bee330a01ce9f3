"""The connections of a gateway to the cloud: their number and their client ids."""

from gateway.cloud.iot_core import IotCore
from gateway.config.cloud import CloudConfig

#: Bikes per connection; at 1 message/s each this leaves 20/s for backlog at the default rate.
BIKES_PER_CONNECTION = 60


def connections(cloud: CloudConfig, thing_name: str, bikes: int) -> list[IotCore]:
    """Return the connections for that many bikes. Raises CredentialsError."""
    return [IotCore(cloud, client_id) for client_id in client_ids(thing_name, bikes)]


def client_ids(thing_name: str, bikes: int) -> list[str]:
    """Return the thing's name, then `<thing>:2` … if one connection cannot carry all bikes.

    The thing's policy in config/aws/template.yaml must allow these client ids.
    """
    count = -(-bikes // BIKES_PER_CONNECTION)
    return [thing_name, *(f"{thing_name}:{number}" for number in range(2, count + 1))]
