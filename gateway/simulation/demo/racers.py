"""The racers of a demo: each is a complete gateway with one fake bike, all in one race."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivers.registry import load_drivers
from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.opening import open_buffer
from gateway.cloud.iot_core import IotCore
from gateway.config.schema import Config
from gateway.daemon import Gateway
from gateway.host.state_file import StateFiles
from gateway.race.commanded import BikeRaces
from gateway.race.races import ContinuousRaces, Race
from gateway.simulation.cloud.results import RESULTS_TOPIC
from gateway.simulation.extra import LOOPBACK
from gateway.simulation.names import name_of
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import GatewayClock

#: The class of all racers: the original backend files a whole race under one class.
CLASS_ID = 1
#: Longest pause between connection attempts, in seconds: short, so that an outage's end is noticed.
RECONNECT_MAX_S = 2


@dataclass(frozen=True, slots=True)
class Start:
    """The settings that all gateways of a demo share."""

    race: Race
    seed: int
    directory: Path
    port: int


def race_from(start_ms: int, length_s: int) -> Race:
    """Return the race that starts then, with the id of the continuous race that is on."""
    continuous = ContinuousRaces(length_s, class_id=CLASS_ID).race_at(start_ms)
    return Race(continuous.race_id, start_ms, length_s)


async def open_racer(
    number: int, start: Start, clock: GatewayClock, observe: Callable[[Telemetry], None]
) -> Gateway:
    """Open gateway `number` (1, 2, …) with one fake bike, whose ride begins with the race.

    `observe` is called with every message that the gateway produces.
    """
    config = _config(number, start)
    buffer = await open_buffer(
        config.state_dir / DIRECTORY_NAME,
        clock,
        commit_interval_s=config.buffer.commit_interval_s,
        max_bytes=config.buffer.max_bytes,
    )
    uplink = IotCore(config.cloud, config.thing_name)
    races = BikeRaces([start.race])
    files = StateFiles(config.state_dir)
    gateway = Gateway(config, load_drivers(), lambda _: races, clock, buffer, [uplink], files)
    gateway.subscribe(observe)
    return gateway


def _config(number: int, start: Start) -> Config:
    length_s = start.race.length_s
    return Config.model_validate(
        {
            "thing_name": f"demo-{number:04}",
            "state_dir": start.directory / f"gateway-{number:04}",
            "cloud": {
                "endpoint": LOOPBACK,
                "port": start.port,
                "plaintext": True,
                "results_topic": RESULTS_TOPIC,
                "reconnect_max_s": RECONNECT_MAX_S,
            },
            "race": {"length_s": length_s},
            "bikes": [
                {
                    "id": f"bike-{number:04}",
                    "racer_id": number,
                    "racer_name": name_of(number),
                    "class_id": CLASS_ID,
                    "driver": "fake",
                    "options": {
                        "seed": start.seed * 10_000 + number,
                        "ride_s": length_s,
                        "ride_offset_ms": start.race.start_ms % (length_s * 1000),
                    },
                }
            ],
        }
    )
