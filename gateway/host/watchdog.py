"""Watchdog: notifies the service manager that the gateway is alive, while all of its loops are.

A wedged event loop sends no notification at all; a wedged loop within it is detected here. The
time for which the whole process was stopped (SIGSTOP, a paused virtual machine) does not count
as silence of its loops, which are well afterwards.
"""

from collections.abc import Callable, Iterable

import structlog

from gateway.host.systemd import ServiceManager
from gateway.timing.clock import GatewayClock
from gateway.timing.pulse import Pulse
from gateway.timing.units import NS_PER_S

#: The number of looks within the service manager's watchdog timeout: a process that was stopped for
#: most of it notifies in time.
LOOKS = 10
#: The watchdog timeout that is assumed without one, in seconds: WatchdogSec in the unit.
WATCHDOG_S = 40.0

log = structlog.get_logger()


class Watchdog:
    """A periodic look at all pulses, reported to the service manager.

    `pulses` is called at each look; `status_line` returns the text that `systemctl status` shows.
    """

    def __init__(
        self,
        service: ServiceManager,
        clock: GatewayClock,
        pulses: Callable[[], Iterable[Pulse]],
        status_line: Callable[[], str],
    ) -> None:
        self._service = service
        self._clock = clock
        self._pulses = pulses
        self._status_line = status_line
        self._wedged: list[str] = []

    async def run(self) -> None:
        """Report to the service manager that the gateway is ready, then look at the pulses."""
        watchdog_ns = round((self._service.watchdog_s or WATCHDOG_S) * NS_PER_S)
        self._service.tell(READY=1, STATUS=self._status_line())
        while True:
            for pulse in self._pulses():
                pulse.wake()
            due_ns = self._clock.monotonic_ns() + watchdog_ns // LOOKS
            await self._clock.sleep_until(due_ns)
            late_ns = self._clock.monotonic_ns() - due_ns
            for pulse in self._pulses():
                pulse.excuse(late_ns)
            self._look(watchdog_ns // 2)

    def _look(self, silence_ns: int) -> None:
        wedged = [
            pulse.name for pulse in self._pulses() if pulse.silent_ns > silence_ns * pulse.patience
        ]
        if wedged and wedged != self._wedged:
            log.error(
                "parts of the gateway have hung; waiting for systemd to restart it", parts=wedged
            )
        self._wedged = wedged
        if wedged:
            self._service.tell(STATUS=f"hung: {', '.join(wedged)}")
        else:
            self._service.tell(WATCHDOG=1, STATUS=self._status_line())
