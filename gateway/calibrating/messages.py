"""What is said over the calibration socket: JSON, one message a line, checked on both sides.

A client opens one bike with `Open`, is told its CalibrationState, and asks then for one thing after
the other; each is answered with the new state and Done, or with Refused. A live session hears the
bike beside that. Every Ping is answered with Here: who does not is cut off.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from drivers import Reading
from gateway.calibrating.state import CalibrationState, LinkStatus
from gateway.host.errors import GatewayError
from gateway.sampling.calibration_record import CalibrationRecord

#: Beside that of `status`.
FILE_NAME = "calibration.sock"

#: Both sides must have the same. Raised whenever a message changes, but for Open and Refused.
VERSION = 1

#: The longest line that the daemon takes, with room for a record of some hundred points, …
ASK_MAX_BYTES = 64 * 1024
#: … and that it says: a state has the record and its backups.
TELL_MAX_BYTES = 16 * ASK_MAX_BYTES

_STRICT = ConfigDict(extra="forbid")


class MessageError(GatewayError):
    """A line that is no message of this protocol. The text says where and why."""


def _usable(record: CalibrationRecord) -> CalibrationRecord:
    _ = record.calibration  # raises ValueError for points that make no table
    return record


UsableRecord = Annotated[CalibrationRecord, AfterValidator(_usable)]


@dataclass(frozen=True, slots=True)
class Open:
    """`live`: hear the bike and try calibrations out, as its only session."""

    bike_id: str
    live: bool
    version: int = VERSION
    ask: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class TryOut:
    """None is the bike's own numbers."""

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
    """Answers the Ping of that number."""

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
    """`record`: what is saved then, if something was; `file`: where."""

    file: str | None = None
    record: CalibrationRecord | None = None
    tell: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was asked is not done; the session goes on if it has begun."""

    why: str
    tell: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Ended:
    why: str
    tell: Literal["ended"] = "ended"


#: What changes the files.
Change: TypeAlias = Save | Rollback | Reset
#: What a session does with its bike.
Action: TypeAlias = TryOut | Undo | Change
Ask: TypeAlias = Open | Action | Here
Tell: TypeAlias = CalibrationState | LinkStatus | Heard | Ping | Done | Refused | Ended

_ASK: TypeAdapter[Ask] = TypeAdapter(Annotated[Ask, Field(discriminator="ask")])
_TELL: TypeAdapter[Tell] = TypeAdapter(Annotated[Tell, Field(discriminator="tell")])
_Message = TypeVar("_Message")


def ask_to_line(ask: Ask) -> bytes:
    return _ASK.dump_json(ask) + b"\n"


def tell_to_line(tell: Tell) -> bytes:
    return _TELL.dump_json(tell, by_alias=True) + b"\n"


def ask_from_line(line: bytes) -> Ask:
    """Raises MessageError, whatever the bytes are."""
    return _from_line(_ASK, line)


def tell_from_line(line: bytes) -> Tell:
    """Raises MessageError, whatever the bytes are."""
    return _from_line(_TELL, line)


def _from_line(adapter: TypeAdapter[_Message], line: bytes) -> _Message:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise MessageError(f"{key}: {first['msg']}" if key else first["msg"]) from None
