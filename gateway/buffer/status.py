"""A snapshot of the buffer. Pure."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class BufferStatus:
    """The state of the buffer. Counts are of messages."""

    depth: Annotated[
        int, Field(description="messages waiting to be acknowledged, in memory and on disk")
    ]
    on_disk: Annotated[
        int, Field(description="messages waiting to be acknowledged that are on disk")
    ]
    lost: Annotated[
        int,
        Field(
            description="messages given up since the start: for want of room, or because they "
            "cannot be read any more"
        ),
    ] = 0
    quarantined: Annotated[
        int,
        Field(
            description="messages no longer sent: the broker refused them again and again, or "
            "their race cannot be known"
        ),
    ] = 0
    unnamed: Annotated[
        int,
        Field(
            description="seconds that wait for the clock to be set; they have no race until then"
        ),
    ] = 0
    problem: Annotated[
        str | None, Field(description="why the disk cannot be used; null if it can")
    ] = None
    notes: Annotated[
        tuple[str, ...],
        Field(
            description="what the numbers do not cover, such as a damaged file that was set aside"
        ),
    ] = ()
    used_bytes: Annotated[int, Field(description="room that the buffer takes on the disk")] = 0
    free_bytes: Annotated[
        int | None, Field(description="room left for messages; null until the disk has been read")
    ] = None
