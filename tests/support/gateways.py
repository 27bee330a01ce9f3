"""A whole gateway in virtual time, on a FakeUplink."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from drivers.registry import DriverStatus, load_drivers
from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.store import StoreError
from gateway.config.schema import Config
from gateway.daemon import Gateway, races_of
from gateway.host.state_file import StateFiles
from gateway.race.races import Races
from gateway.telemetry.message import Telemetry, telemetry_from_json
from tests.support.buffers import BufferBench
from tests.support.fake_uplink import FakeUplink
from tests.support.virtual_clock import VirtualClock

LOOPBACK = {"endpoint": "127.0.0.1", "port": 1883, "plaintext": True}


def config(
    state_dir: Path,
    bikes: list[dict[str, Any]],
    race: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    web: dict[str, Any] | None = None,
) -> Config:
    """Return a config with these bikes; each is a dict of options of the `fake` driver.

    Unless `race` says otherwise, every bike takes part in every second of its races, and race n of
    all classes has the id n.
    """
    return Config.model_validate(
        {
            "thing_name": "gateway-1",
            "state_dir": state_dir,
            "cloud": LOOPBACK,
            "race": {"join": "always", "per_class": False, **(race or {})},
            "metrics": metrics or {},
            "web": web or {},
            "bikes": [
                {
                    "id": f"bike-{number}",
                    "racer_id": number,
                    "racer_name": f"Rider{number}",
                    "class_id": 1,
                    "driver": "fake",
                    "options": {"seed": number, **options},
                }
                for number, options in enumerate(bikes, start=1)
            ],
        }
    )


def ignore(telemetry: Telemetry) -> None:
    """Do nothing."""


class VirtualGateway:
    """A gateway that starts at wall time `wall_ms`; `run_for` lets time pass."""

    def __init__(
        self,
        settings: Config,
        wall_ms: int,
        monotonic_ns: int = 5_000_000_000,
        drivers: Mapping[str, DriverStatus] | None = None,
        *,
        clock: VirtualClock | None = None,
        races: Mapping[str, Races] | None = None,
        files: StateFiles | None = None,
        connections: int = 1,
        on_telemetry: Callable[[Telemetry], None] = ignore,
    ) -> None:
        self.settings = settings
        self.clock = clock or VirtualClock(wall_ms, monotonic_ns)
        self.uplinks = [FakeUplink() for _ in range(connections)]
        self.uplink = self.uplinks[0]
        self.bench = BufferBench(
            settings.state_dir / DIRECTORY_NAME,
            self.clock,
            interval_s=settings.buffer.commit_interval_s,
        )
        self.buffer = self.bench.buffer
        self.gateway = Gateway(
            settings,
            drivers or load_drivers(),
            (lambda bike: races[bike.id]) if races else races_of(settings, None),
            self.clock,
            self.buffer,
            self.uplinks,
            files or StateFiles(settings.state_dir),
        )
        self.gateway.subscribe(on_telemetry)
        self._stop = asyncio.Event()
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.buffer.commit()
        self._run = asyncio.create_task(self.gateway.run(self._stop))
        await self.clock.settle()

    async def run_for(self, seconds: float) -> None:
        await self.clock.run_for(seconds)
        assert self._run is not None
        if self._run.done():
            self._run.result()

    async def stop(self) -> None:
        """Stop as after SIGTERM."""
        assert self._run is not None
        self._stop.set()
        await self._run

    async def kill(self) -> None:
        """Stop as after SIGKILL: the buffer is not written any more."""
        assert self._run is not None
        self.bench.failure = StoreError("killed")
        self._run.cancel()
        await asyncio.wait([self._run])

    @property
    def delivered(self) -> list[Telemetry]:
        return [telemetry_from_json(payload) for payload in self.uplink.delivered]
