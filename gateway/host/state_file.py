"""Small files in the state directory, each written whole whenever its content changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.host.atomic_file import read_file, replace_file
from gateway.host.set_aside import count_set_aside, set_aside
from gateway.host.state_dir import as_owner_of
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: Limit of a file's size, in bytes. The largest is that of the commanded races: 2,000 remembered
#: ones, and 32 planned for each bike, of up to 560 bytes (names are escaped): 3 MB for 100 bikes.
#: Earlier versions remembered ten times as many, in up to 11 MB.
MAX_BYTES = 12 * 1024 * 1024
#: Time until a file that could not be saved is tried again, in seconds.
RETRY_S = 10
#: Limit of the reason why a file cannot be used, in characters.
REASON_MAX = 300

log = structlog.get_logger()


def _nothing() -> bytes:
    return b""


class StateFile:
    """A file that may be lost at the next restart, but that never stops the gateway.

    `content` names what it contains, for the log: "commanded races".
    """

    def __init__(self, path: Path, content: str) -> None:
        self.path = path
        self._content = content
        self._saving = asyncio.Lock()
        self._saved = b""
        self._serialize: Callable[[], bytes] = _nothing
        #: The number of the last call of `save`, and of the last one whose content was written.
        self._asked = self._tried = 0
        #: Why the latest content is not on disk; None if it is.
        self.unsaved: str | None = None
        #: Sentences on what could not be restored, which the status shows.
        self.notes: list[str] = []

    def load(self, restore: Callable[[bytes], None]) -> None:
        """Pass the file's content to `restore`, which raises ValueError if it is invalid.

        Blocks. A missing file is skipped. One that cannot be used is set aside, because the next
        save would replace it.
        """
        try:
            with as_owner_of(self.path.parent):
                content = read_file(self.path, MAX_BYTES)
            restore(content)
            self._saved = content
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            reason, fate = " ".join(str(error).split())[:REASON_MAX], self._put_away()
            log.error(
                f"{self._content} not restored", path=str(self.path), reason=reason, fate=fate
            )
            self.notes.append(f"{self._content} not restored: {self.path}: {reason}; {fate}")

    async def save(self, serialize: Callable[[], bytes]) -> None:
        """Write the latest content, unless the file has it; calls made meanwhile share a write.

        `unsaved` is the outcome. When cancelled, it ends after the write in progress, which cannot
        be interrupted.
        """
        self._serialize = serialize
        self._asked += 1
        mine = self._asked
        async with self._saving:
            if self._tried >= mine:
                return  # written by a call that waited as well
            self._tried = self._asked
            latest = serialize()
            if latest == self._saved:
                self.unsaved = None
                return
            writing = asyncio.create_task(asyncio.to_thread(self._write, latest))
            try:
                failure = await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing
                raise
            if failure is None:
                self._saved = latest
            self._report(failure)

    async def save_again(self) -> None:
        """Write what an earlier save could not write."""
        if self.unsaved is not None:
            await self.save(self._serialize)

    def _put_away(self) -> str:
        """Set the file aside; return a sentence about it."""
        try:
            with as_owner_of(self.path.parent):
                return f"it was set aside as {set_aside(self.path)}"
        except OSError as error:
            return f"it cannot be set aside: {error.strerror or error}"

    def _report(self, failure: str | None) -> None:
        """Remember whether the content is saved, and log the first failure and the recovery."""
        before, self.unsaved = self.unsaved, failure
        if failure is not None and failure != before:
            log.error(f"{self._content} not saved", path=str(self.path), reason=failure)
        if failure is None and before is not None:
            log.info(f"{self._content} saved again", path=str(self.path))

    @property
    def problems(self) -> list[str]:
        """The file's problems, in sentences."""
        if self.unsaved is None:
            return self.notes
        lost = f"{self._content} not saved, so a restart would lose them"
        return [*self.notes, f"{lost}: {self.path}: {self.unsaved}"]

    def _write(self, content: bytes) -> str | None:
        """Write the file; return why it could not be written."""
        try:
            with as_owner_of(self.path.parent):
                replace_file(self.path, content)
        except OSError as error:
            reason, place = error.strerror or str(error), error.filename2 or error.filename
            return reason if place in (None, self.path, str(self.path)) else f"{place}: {reason}"
        return None


class StateFiles:
    """The StateFiles of a gateway. `run` saves again what a failing disk did not accept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: list[StateFile] = []
        #: The number of files in the directory that were set aside, now or at an earlier start.
        self.set_aside = 0

    def load(self, name: str, content: str, restore: Callable[[bytes], None]) -> StateFile:
        """Return the file with this name after passing what it contains to `restore`. Blocks."""
        file = StateFile(self._directory / name, content)
        file.load(restore)
        self._files.append(file)
        self.set_aside = count_set_aside(self._directory)
        return file

    @property
    def problems(self) -> list[str]:
        """The problems of all files, in sentences."""
        return [problem for file in self._files for problem in file.problems]

    async def run(self, clock: GatewayClock) -> None:
        """Save again what could not be saved, from time to time."""
        while True:
            await clock.sleep_until(clock.monotonic_ns() + RETRY_S * NS_PER_S)
            for file in self._files:
                await file.save_again()
