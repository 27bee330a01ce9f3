"""Reload: SIGHUP has the config loaded anew, and what can be changed while racing is changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from gateway.config.problems import ConfigError
from gateway.config.schema import Config
from gateway.host.systemd import ServiceManager

NS_PER_US = 1000

log = structlog.get_logger()


class Reload:
    """Bikes, riders, calibrations and the length of races change at once; the rest needs a start.

    A config that cannot work changes nothing.
    """

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apply: Callable[[Config], Awaitable[None]],
        hangup: asyncio.Event,
        service: ServiceManager,
    ) -> None:
        """`load` raises ConfigError. `hangup` is set by the signal."""
        self._running = config
        self._load = load
        self._apply = apply
        self._hangup = hangup
        self._service = service

    async def run(self) -> None:
        """Whenever there was a hangup, for ever."""
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            # systemd wants the time of CLOCK_MONOTONIC, to tell this reload from one before.
            self._service.tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // NS_PER_US)
            await self._reload()
            self._service.tell(READY=1)

    async def _reload(self) -> None:
        try:
            config = self._load()
        except ConfigError as error:
            log.error("config not reloaded: it goes on as before", reason=str(error))
            return
        waiting = needs_a_start(self._running, config)
        await self._apply(config)
        log.info("config reloaded", bikes=len(config.bikes))
        if waiting:
            log.warning("changed, and waits for the next start", keys=waiting)


def needs_a_start(running: Config, changed: Config) -> list[str]:
    """The keys that differ and are read at a start alone."""
    fixed = ("thing_name", "state_dir", "cloud", "buffer", "metrics")
    keys = [key for key in fixed if getattr(running, key) != getattr(changed, key)]
    return keys + (["race.mode"] if running.race.mode != changed.race.mode else [])
