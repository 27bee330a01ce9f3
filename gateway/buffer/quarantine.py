"""Quarantined messages, chosen and released by another process than the gateway. Blocking.

While a gateway runs, only it may write to the file, so it is asked at a socket: one line of JSON
each way. Otherwise the file is changed under the gateway's lock.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.buffer.inspect import QuarantinedMessage
from gateway.buffer.store import Batch, Store
from gateway.host.errors import GatewayError
from gateway.host.sockets import explained
from gateway.host.state_dir import as_owner_of, locked_state_dir

#: The gateway's socket in its directory of sockets.
FILE_NAME = "buffer.sock"
#: Limits the messages of one request, which are released in one transaction.
IDS_MAX = 1000
#: How long a client waits for the answer to a request, in seconds.
ANSWER_TIMEOUT_S = 15.0
ANSWER_MAX_BYTES = 4096
#: The next gateway enforces the configured bound; nothing is evicted here.
_UNBOUNDED = 1 << 62

Action = Literal["requeue", "drop"]
#: An id that a log can have.
MessageId = Annotated[int, Field(ge=0, lt=1 << 63)]


class ReleaseError(GatewayError):
    """Messages that cannot be released. The text gives the reason and a remedy."""


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A request to send quarantined messages again, or to delete them; unknown ids are skipped."""

    action: Action
    ids: tuple[MessageId, ...]

    @property
    def batch(self) -> Batch:
        """The transaction that fulfils the request."""
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


@dataclass(frozen=True, slots=True)
class Selection:
    """The messages of these races, with these ids and with this text in their reason.

    An empty part selects all.
    """

    race_ids: Sequence[int] = ()
    ids: Sequence[int] = ()
    reason: str = ""

    def contains(self, message: QuarantinedMessage) -> bool:
        return (
            (not self.race_ids or message.race_id in self.race_ids)
            and (not self.ids or message.id in self.ids)
            and self.reason.casefold() in message.reason.casefold()
        )


def ask_to_release(path: Path, action: Action, ids: Sequence[int]) -> int:
    """Let the gateway at this socket release messages; return how many there were.

    Raises ConnectionRefusedError or FileNotFoundError if no gateway is listening, or ReleaseError.
    """
    return sum(_ask(path, ReleaseRequest(action, part)) for part in _parts(ids))


def release_directly(path: Path, action: Action, ids: Sequence[int]) -> int:
    """Release messages from a buffer that no gateway uses; return how many there were.

    Raises StateDirError if a gateway uses it, or StoreError.
    """
    with locked_state_dir(path.parent), as_owner_of(path.parent):
        store = Store(path, _UNBOUNDED)
        try:
            requests = (ReleaseRequest(action, part) for part in _parts(ids))
            return sum(store.write(request.batch).released for request in requests)
        finally:
            store.close()


def _ask(path: Path, request: ReleaseRequest) -> int:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(ANSWER_TIMEOUT_S)
        try:
            asking.connect(str(path))
            asking.sendall(REQUEST.dump_json(request) + b"\n")
            with asking.makefile("rb") as reader:
                line = reader.readline(ANSWER_MAX_BYTES)
            answer = ANSWER.validate_json(line)
        except TimeoutError:
            raise ReleaseError(
                f"{path}: no answer within {ANSWER_TIMEOUT_S:g} s; the gateway's disk may be busy: "
                "see `alleycat-gateway status`, then try again"
            ) from None
        except (ConnectionRefusedError, FileNotFoundError):
            raise
        except OSError as error:
            raise ReleaseError(f"{path}: {explained(error)}") from error
        except ValidationError:
            raise ReleaseError(
                f"{path}: no valid answer; the gateway is busy, stopping or of another version"
            ) from None
    if answer.error is not None:
        raise ReleaseError(answer.error)
    return answer.released


def _parts(ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    rest = iter(ids)
    while part := tuple(islice(rest, IDS_MAX)):
        yield part
