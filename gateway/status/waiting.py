"""A gateway that is not set up yet: it waits, and serves its status meanwhile.

It reads no bike, sends nothing and keeps nothing, so that no made-up second reaches the cloud that
is set up later.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path

import structlog

from gateway.buffer.earlier import has_earlier_messages
from gateway.buffer.log_format import DIRECTORY_NAME, LogName
from gateway.buffer.opening import open_store
from gateway.buffer.status import BufferStatus
from gateway.buffer.store import Batch, Store, StoreError
from gateway.config.first import is_of_first_bike, is_set_up
from gateway.config.problems import ConfigError
from gateway.config.schema import Config
from gateway.host.board import read_pi_health
from gateway.host.state_dir import as_owner_of, locked_state_dir
from gateway.host.systemd import ServiceManager
from gateway.host.watchdog import Watchdog
from gateway.status.line import status_line
from gateway.status.observer import StatusSource
from gateway.status.server import serve_status
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.timing.clock import GatewayClock, SystemClock
from gateway.timing.units import seconds_between

#: Serves the status of a gateway until the context ends.
Serve = Callable[[Config, StatusSource, GatewayClock], AbstractAsyncContextManager[None]]

log = structlog.get_logger()


async def load_when_set_up(
    load: Callable[[], Config],
    stop: asyncio.Event,
    hangup: asyncio.Event,
    service: ServiceManager,
    serve: Serve,
) -> Config | None:
    """Return the config once it is set up, which each hangup finds out; None if `stop` is set.

    `serve` serves the status meanwhile, in addition to the status socket.

    Raises ConfigError if the first config that is loaded is invalid, and StateDirError.
    """
    config = load()
    while not is_set_up(config):
        await _wait(config, stop, hangup, service, serve)
        if stop.is_set():
            return None
        hangup.clear()
        try:
            config = load()
        except ConfigError as error:
            log.error("config not reloaded; the gateway keeps waiting", reason=str(error))
    return config


async def _wait(
    config: Config,
    stop: asyncio.Event,
    hangup: asyncio.Event,
    service: ServiceManager,
    serve: Serve,
) -> None:
    """Serve the status until one of the events is set."""
    clock = SystemClock()
    waiting = WaitingGateway(config, clock)
    watchdog = Watchdog(service, clock, list, waiting.line)
    log.warning(
        "not set up yet: the gateway reads no bike and sends nothing",
        remedy="sudo alleycat-gateway setup",
    )
    with locked_state_dir(config.state_dir):
        async with (
            serve_status(config, waiting),
            serve(config, waiting, clock),
            asyncio.TaskGroup() as tasks,
        ):
            notifying = tasks.create_task(watchdog.run())
            discarding = tasks.create_task(asyncio.to_thread(_discard_first_bike, config, clock))
            events = [asyncio.create_task(event.wait()) for event in (stop, hangup)]
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
            await discarding  # before the next gateway opens the buffer
            for task in (notifying, *events):
                task.cancel()


def _discard_first_bike(config: Config, clock: GatewayClock) -> None:
    """Discard what the simulated bike of the first config has left: it used to race."""
    now_ms = clock.wall_ms_at(clock.monotonic_ns())
    buffer = config.state_dir / DIRECTORY_NAME
    try:
        with as_owner_of(config.state_dir):
            count = discard_messages(buffer, config.buffer.max_bytes, now_ms, is_of_first_bike)
    except StoreError as error:
        log.error("seconds of the simulated bike not discarded", reason=str(error))
        return
    if count:
        log.info("seconds of the simulated bike discarded", count=count)


def discard_messages(
    path: Path, max_bytes: int, now_ms: int, is_unwanted: Callable[[bytes], bool]
) -> int:
    """Delete the unwanted messages and undated seconds of a buffer; return their number.

    Raises StoreError. If there is no buffer, of this or an earlier version, nothing is created.
    """
    if not (path.exists() or has_earlier_messages(path)):
        return 0
    store = open_store(path, max_bytes, now_ms)
    for note in store.notes:
        log.error(note)
    try:
        return sum(_discard_from(store, name, is_unwanted) for name in store.waiting())
    finally:
        store.close()


def _discard_from(store: Store, name: LogName, is_unwanted: Callable[[bytes], bool]) -> int:
    ids = [record.id for record in store.read(name) if is_unwanted(record.payload)]
    if ids:
        store.write(Batch(done=[(name, id_) for id_ in ids]))
    return len(ids)


class WaitingGateway:
    """The status of a gateway that waits until it is set up: without bikes, cloud and buffer."""

    def __init__(self, config: Config, clock: GatewayClock) -> None:
        self._thing_name = config.thing_name
        self._state_dir = str(config.state_dir)
        self._clock = clock
        self._since_ns = clock.monotonic_ns()
        self._notes: list[str] = []
        self._name_notes: tuple[str, ...] = ()

    def note(self, text: str) -> None:
        """Log a warning and show it in the status from now on."""
        self._notes.append(text)
        log.warning(text)

    def note_name(self, text: str | None) -> None:
        """Show in the status why the name of the pages does not lead to them, or that it does."""
        self._name_notes = () if text is None else (text,)

    def line(self) -> str:
        """Return the status in one line, as systemctl shows it."""
        return status_line(self.status())

    def status(self) -> GatewayStatus:
        """Return a snapshot of the gateway."""
        uptime_s = seconds_between(self._since_ns, self._clock.monotonic_ns())
        no_cloud = CloudStatus(
            "not set up yet", connections=0, connected=0, pace_share=1.0, state_s=uptime_s
        )
        return GatewayStatus(
            clock_is_set=self._clock.is_trustworthy(),
            lost_seconds=0,
            bikes=(),
            cloud=no_cloud,
            produced=0,
            accepted=0,
            buffer=BufferStatus(depth=0, on_disk=0),
            thing_name=self._thing_name,
            version=version("alleycat-gateway"),
            uptime_s=uptime_s,
            produced_per_s=0.0,
            accepted_per_s=0.0,
            pi=read_pi_health(),
            notes=(*self._notes, *self._name_notes),
            is_set_up=False,
            state_dir=self._state_dir,
            clock_source=self._clock.source,
        )
