"""Boots: when the monotonic clock of each boot began, kept over a reboot.

A second that was ridden before the clock was set has an end on the monotonic clock of its boot. It
can be dated in a later boot as well, if the clock was set before its own boot ended.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from gateway.host.atomic_file import read_file
from gateway.host.state_file import MAX_BYTES, StateFiles
from gateway.timing.clock import BOOT_ID, GatewayClock
from gateway.timing.clock_sync import ClockSource
from gateway.timing.units import NS_PER_S

FILE_NAME = "boots.json"
#: Limit of boots remembered: seconds wait at most for the next boot in which the clock is set.
BOOTS_MAX = 16
#: The last millisecond of the year 9999.
LATEST_MS = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class KnownBoot:
    """A boot whose clock was set: `began_ms` is the wall-clock time at its monotonic time 0."""

    began_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    source: ClockSource


_SAVED = TypeAdapter(dict[str, KnownBoot])


def datable_boots(state_dir: Path) -> set[str]:
    """Return the ids of this boot and of those whose clock was set, as far as they can be read."""
    boots = set()
    with suppress(OSError):
        boots.add(BOOT_ID.read_text().strip())
    with suppress(OSError, ValueError):
        boots.update(_SAVED.validate_json(read_file(state_dir / FILE_NAME, MAX_BYTES)))
    return boots


class Boots:
    """The boots whose clock was set, by id. Reads its small file when created; `run` writes it."""

    def __init__(self, files: StateFiles) -> None:
        self._known: dict[str, KnownBoot] = {}
        self._file = files.load(FILE_NAME, "times of earlier boots", self._restore)

    def began_ms(self, boot_id: str) -> int | None:
        """Return the wall-clock time at the boot's monotonic time 0; None if it is not known."""
        known = self._known.get(boot_id)
        return None if known is None else known.began_ms

    def was_set(self, boot_id: str) -> bool:
        """Return whether a time server set the clock in this boot."""
        known = self._known.get(boot_id)
        return known is not None and known.source is ClockSource.TIME_SERVER

    async def run(self, clock: GatewayClock) -> None:
        """Record this boot once its clock is set, and again once a time server has set it."""
        recorded: ClockSource | None = None
        while recorded is not ClockSource.TIME_SERVER:
            source = clock.source
            if source is not None and source is not recorded:
                await self._record(clock, source)
                recorded = source
            await clock.sleep_until(clock.monotonic_ns() + NS_PER_S)

    async def _record(self, clock: GatewayClock, source: ClockSource) -> None:
        clock.reanchor()
        self._known.pop(clock.boot_id, None)  # the newest is the last
        self._known[clock.boot_id] = KnownBoot(clock.wall_ms_at(0), source)
        for oldest in list(self._known)[:-BOOTS_MAX]:
            del self._known[oldest]
        await self._file.save(self._to_json)

    def _restore(self, content: bytes) -> None:
        self._known = _SAVED.validate_json(content)

    def _to_json(self) -> bytes:
        return _SAVED.dump_json(self._known)
