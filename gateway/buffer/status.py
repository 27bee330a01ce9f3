"""A snapshot of the buffer. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BufferStatus:
    """Counts of messages. `on_disk`: those of `depth` that are also in the file.

    `lost`: given up for want of room, or not readable any more, since the start; `notes` tell of
    what cannot be counted. `unnamed`: seconds that wait for the clock to be set. `free_bytes`:
    room left, None until the disk has told.
    """

    depth: int
    on_disk: int
    lost: int = 0
    quarantined: int = 0
    unnamed: int = 0
    problem: str | None = None
    notes: tuple[str, ...] = ()
    used_bytes: int = 0
    free_bytes: int | None = None
