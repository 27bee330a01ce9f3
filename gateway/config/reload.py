"""Reload on SIGHUP: load the config again, and apply what can change during a race."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.config.problems import ConfigError
from gateway.config.schema import Config
from gateway.host.systemd import ServiceManager

NS_PER_US = 1000
#: Seconds between two looks at a file that was rejected: its note must not outlast the fault.
LOOK_EVERY_S = 60.0
#: The note about a file that was rejected, and has been corrected since.
CORRECTED = (
    "the changed config is not in use: it was wrong when the gateway loaded it, but has been "
    "corrected; to apply it, run: sudo systemctl reload alleycat-gateway"
)

log = structlog.get_logger()


class Reload:
    """A loop that reloads the config whenever `hangup` is set, as the signal SIGHUP does.

    Bikes, riders, calibrations and the schedule of continuous races are applied; the rest needs a
    restart. An invalid config, for which `load` raises ConfigError, changes nothing. `note` is
    called with sentences for the status: the parts of the file that are not in effect.
    """

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apply: Callable[[Config], Awaitable[None]],
        note: Callable[[Sequence[str]], None],
        hangup: asyncio.Event,
        service: ServiceManager,
    ) -> None:
        self._running = config
        self._in_use = config
        self._is_rejected = False
        self._load = load
        self._apply = apply
        self._note = note
        self._hangup = hangup
        self._service = service

    async def run(self) -> None:
        """Reload after each hangup, forever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S if self._is_rejected else None):
                    await self._hangup.wait()
            except TimeoutError:
                await self._look_again()
                continue
            self._hangup.clear()
            # The time on CLOCK_MONOTONIC lets systemd distinguish this reload from earlier ones.
            self._service.tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // NS_PER_US)
            await self._reload()
            self._service.tell(READY=1)

    async def _reload(self) -> None:
        try:
            # In a thread: it may import the library of a driver that no bike has used so far.
            config = await asyncio.to_thread(self._load)
        except ConfigError as error:
            log.error(
                "config not reloaded; the gateway keeps using the previous config",
                reason=str(error),
            )
            self._reject(error)
            return
        await self._apply(config)
        self._in_use, self._is_rejected = config, False
        log.info("config reloaded", bikes=len(config.bikes))
        if waiting := needs_a_start(self._running, config):
            log.warning("restart the gateway to apply these changed keys", keys=waiting)
        self._note_what_waits()

    def _reject(self, error: ConfigError) -> None:
        self._is_rejected = True
        self._note([f"the changed config is not in use, because it is wrong: {error}"])

    async def _look_again(self) -> None:
        """Look whether a rejected config, or a file that it names, was corrected meanwhile."""
        try:
            config = await asyncio.to_thread(self._load)
        except ConfigError as error:
            self._reject(error)
            return
        if config == self._in_use:
            self._is_rejected = False
            self._note_what_waits()
        else:
            self._note([CORRECTED])

    def _note_what_waits(self) -> None:
        waiting = needs_a_start(self._running, self._in_use)
        changed = f"restart the gateway to apply the changed {', '.join(waiting)}"
        self._note([changed] if waiting else [])


def needs_a_start(running: Config, changed: Config) -> list[str]:
    """Return the keys that differ and are only read at startup."""
    fixed = ("thing_name", "state_dir", "clock", "cloud", "buffer", "metrics", "web")
    keys = [key for key in fixed if getattr(running, key) != getattr(changed, key)]
    return keys + (["race.mode"] if running.race.mode != changed.race.mode else [])
