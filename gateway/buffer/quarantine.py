"""What another process asks of the gateway at a socket: to release quarantined messages. Pure.

While a gateway runs, only it may write to the logs. A request and its answer are each a line of
JSON.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gateway.buffer.store import Batch

#: The gateway's socket in its directory of sockets.
FILE_NAME = "buffer.sock"
#: Limits the messages of one request, which are released in one write.
IDS_MAX = 1000
#: How long a client waits for the answer to a request, in seconds.
ANSWER_TIMEOUT_S = 15.0

Action = Literal["requeue", "drop"]
#: An id that a log can have.
MessageId = Annotated[int, Field(ge=0, lt=1 << 63)]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A request to send quarantined messages again, or to delete them; unknown ids are skipped."""

    action: Action
    ids: tuple[MessageId, ...]

    @property
    def batch(self) -> Batch:
        """The write that fulfils the request."""
        if self.action == "requeue":
            return Batch(requeued_ids=self.ids)
        return Batch(dropped_ids=self.ids)


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """The number of messages that were released, or the reason why none were."""

    released: int = 0
    error: str | None = None


REQUEST = TypeAdapter(ReleaseRequest)
ANSWER = TypeAdapter(ReleaseAnswer)


def requests(action: Action, ids: Iterable[int]) -> Iterator[ReleaseRequest]:
    """Yield the requests to release these messages, oldest first: neighbours share a log."""
    rest = iter(sorted(ids))
    while part := tuple(islice(rest, IDS_MAX)):
        yield ReleaseRequest(action, part)
