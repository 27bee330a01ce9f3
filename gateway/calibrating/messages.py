"""The messages of the calibration socket: JSON, one per line, validated on both sides.

A client opens one bike with `Open`, receives its CalibrationState, and then sends one request at a
time. The answer to each is the new state and Done, or Refused. A live session also receives the
Readings and the link status of the bike. The client answers every Ping with Here; if it does not,
the connection is closed.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from drivers import Reading
from gateway.calibrating.state import CalibrationState, LinkStatus
from gateway.host.errors import GatewayError
from gateway.sampling.calibration_record import CalibrationRecord
from gateway.terminal.json_line import json_line

#: The name of the socket, which is in the same directory as the socket of `status`.
FILE_NAME = "calibration.sock"

#: The version of the protocol, which must be the same on both sides. It increases whenever a
#: message changes; Open and Refused never change.
VERSION = 1

#: The longest line that the daemon accepts, in bytes: enough for a record of some hundred points.
ASK_MAX_BYTES = 64 * 1024
#: The longest line that the daemon sends, in bytes: a state contains the record and its backups.
TELL_MAX_BYTES = 16 * ASK_MAX_BYTES

_STRICT = ConfigDict(extra="forbid")


class MessageError(GatewayError):
    """A line that is not a message of this protocol. The text names the place and the reason."""


def _usable(record: CalibrationRecord) -> CalibrationRecord:
    _ = record.calibration  # Raises ValueError if the points make no table.
    return record


UsableRecord = Annotated[CalibrationRecord, AfterValidator(_usable)]


@dataclass(frozen=True, slots=True)
class Open:
    """The first request. `live`: receive Readings and allow trials, as the bike's only session."""

    bike_id: str
    live: bool
    version: int = VERSION
    ask: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class TryOut:
    """A request to start a trial; a record of None means the numbers that the bike sends."""

    __pydantic_config__ = _STRICT

    record: UsableRecord | None
    ask: Literal["try_out"] = "try_out"


@dataclass(frozen=True, slots=True)
class Undo:
    __pydantic_config__ = _STRICT

    ask: Literal["undo"] = "undo"


@dataclass(frozen=True, slots=True)
class Save:
    __pydantic_config__ = _STRICT

    record: UsableRecord
    ask: Literal["save"] = "save"


@dataclass(frozen=True, slots=True)
class Rollback:
    __pydantic_config__ = _STRICT

    number: int
    ask: Literal["rollback"] = "rollback"


@dataclass(frozen=True, slots=True)
class Reset:
    __pydantic_config__ = _STRICT

    ask: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class Here:
    """The answer to the Ping with this number."""

    __pydantic_config__ = _STRICT

    number: int
    ask: Literal["here"] = "here"


@dataclass(frozen=True, slots=True)
class Heard:
    reading: Reading
    tell: Literal["heard"] = "heard"


@dataclass(frozen=True, slots=True)
class Ping:
    number: int
    tell: Literal["ping"] = "ping"


@dataclass(frozen=True, slots=True)
class Done:
    """A request has succeeded. `record`: the calibration saved now, if any; `file`: its file."""

    file: str | None = None
    record: CalibrationRecord | None = None
    tell: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was not carried out. The session goes on if it has begun."""

    why: str
    tell: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Ended:
    why: str
    tell: Literal["ended"] = "ended"


#: The requests that change files.
Change: TypeAlias = Save | Rollback | Reset
#: All requests that a session makes for its bike.
Action: TypeAlias = TryOut | Undo | Change
Ask: TypeAlias = Open | Action | Here
Tell: TypeAlias = CalibrationState | LinkStatus | Heard | Ping | Done | Refused | Ended

_ASK: TypeAdapter[Ask] = TypeAdapter(Annotated[Ask, Field(discriminator="ask")])
_TELL: TypeAdapter[Tell] = TypeAdapter(Annotated[Tell, Field(discriminator="tell")])
_Message = TypeVar("_Message")


def ask_to_line(ask: Ask) -> bytes:
    return _ASK.dump_json(ask) + b"\n"


def tell_to_line(tell: Tell) -> bytes:
    return json_line(_TELL.dump_python(tell, mode="json", by_alias=True))


def ask_from_line(line: bytes) -> Ask:
    """Decode a request. Raises MessageError for any other bytes."""
    return _from_line(_ASK, line)


def tell_from_line(line: bytes) -> Tell:
    """Decode a message of the daemon. Raises MessageError for any other bytes."""
    return _from_line(_TELL, line)


def _from_line(adapter: TypeAdapter[_Message], line: bytes) -> _Message:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise MessageError(f"{key}: {first['msg']}" if key else first["msg"]) from None
