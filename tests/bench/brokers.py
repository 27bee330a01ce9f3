"""A broker with mutual TLS, gateways of this checkout in their own processes, and arrivals."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.telemetry.message import Telemetry, telemetry_from_json
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Credentials, Mosquitto
from tests.support.subscriber import Subscriber

#: Room for a million messages; the config's default is smaller.
BUFFER_TABLE = "[buffer]\nmax_size_mib = 2048\n"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message at the broker. `at_s`: wall clock, seconds since the epoch."""

    at_s: float
    telemetry: Telemetry

    @property
    def age_s(self) -> float:
        """Seconds since the end of the second that the message is about."""
        return self.at_s - self.telemetry.device_timestamp / 1000


class Arrivals(Subscriber):
    """A subscriber that notes when each message arrived."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._noted: list[tuple[float, bytes]] = []
        super().__init__(port, credentials)

    def since(self, wall_s: float) -> list[Arrival]:
        """Return the messages that have arrived since `wall_s`, in order."""
        return [
            Arrival(at_s, telemetry_from_json(payload))
            for at_s, payload in list(self._noted)
            if at_s >= wall_s
        ]

    def _on_publish(self, data: Any) -> None:
        self._noted.append((time.time(), bytes(data.publish_packet.payload)))


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway that is not started yet, and its messages that reach the broker."""

    gateway: GatewayProcess
    arrivals: Arrivals
    state_dir: Path


@contextmanager
def broker(directory: Path) -> Iterator[tuple[Mosquitto, Authority]]:
    authority = Authority(directory / "authority")
    mosquitto = Mosquitto(directory / "mosquitto", authority)
    mosquitto.start()
    try:
        yield mosquitto, authority
    finally:
        mosquitto.stop()


@contextmanager
def site(directory: Path, bikes: int, race_length_s: int = 300) -> Iterator[Site]:
    """Yield a gateway with fake bikes and its own broker; stop both afterwards."""
    with ExitStack() as stack:
        mosquitto, authority = stack.enter_context(broker(directory))
        arrivals = Arrivals(mosquitto.port, authority.issue("arrivals"))
        stack.callback(arrivals.stop)
        gateway = GatewayProcess(directory, authority.issue("gateway-1"))
        stack.callback(gateway.kill)
        gateway.cloud["port"] = mosquitto.port
        gateway.race_length_s = race_length_s
        gateway.bikes = [BUFFER_TABLE, *(_fake_bike(number) for number in range(bikes))]
        yield Site(gateway, arrivals, directory / "state")


def _fake_bike(number: int) -> str:
    """Return the config of a fake bike, which sends four Readings a second."""
    return (
        f'[[bikes]]\nid = "bike-{number:03}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        f'class_id = 1\ndriver = "fake"\noptions = {{ seed = {number} }}\n'
    )
