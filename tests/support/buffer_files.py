"""A buffer's logs, filled and read without a gateway."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from gateway.buffer.log_format import DIRECTORY_NAME, LogKind, LogName
from gateway.buffer.store import Batch, Record, Store

ROOMY = 1 << 30


def fill_buffer(
    state_dir: Path,
    records: Iterable[Record] = (),
    quarantined: Iterable[tuple[Record, str]] = (),
) -> Path:
    """Write messages, and others with the reason into quarantine; return the directory."""
    directory = state_dir / DIRECTORY_NAME
    with closing(Store(directory, ROOMY)) as store:
        store.write(Batch([*records], quarantined=[*quarantined]))
    return directory


def buffered(state_dir: Path) -> dict[int, list[Record]]:
    """Return what a gateway would find to send, by race and in order."""
    races: dict[int, list[Record]] = {}
    with closing(Store(state_dir / DIRECTORY_NAME, ROOMY)) as store:
        for name in sorted(store.waiting(), key=lambda name: name.first_id):
            races.setdefault(name.race_id, []).extend(store.read(name))
    return races


def log_files(state_dir: Path, kind: LogKind = LogKind.RACE) -> list[Path]:
    """Return the logs of a kind, the oldest first."""
    files = sorted((state_dir / DIRECTORY_NAME).iterdir())
    names = [(file, LogName.parse(file.name)) for file in files]
    return [file for file, name in names if name is not None and name.kind is kind]
