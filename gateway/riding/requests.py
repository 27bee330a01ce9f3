"""Requests about the rider of a bike, and answers: one line of JSON each way. Blocking client."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.host.errors import NOT_RUNNING, GatewayError
from gateway.host.sockets import explained

#: The gateway's socket in its directory of sockets.
FILE_NAME = "ride.sock"
#: Limit of a request's length, in bytes.
REQUEST_MAX_BYTES = 1024
#: How long a client waits for the answer, in seconds: the gateway's disk may be slow.
ANSWER_TIMEOUT_S = 15.0
#: Limit of an answer's length, in bytes; a refusal names at most NAMED_MAX riders.
ANSWER_MAX_BYTES = 16 * 1024


class NoRideAnswer(GatewayError):
    """The gateway does not answer a request about a rider. The text explains why."""

    exit_code = NOT_RUNNING


@dataclass(frozen=True, slots=True)
class ChooseRider:
    """A request to let one of the allowed riders ride a bike.

    `class_id` is one of the rider's classes; None: the first.
    """

    bike_id: str
    racer_id: int
    class_id: int | None = None
    action: Literal["choose"] = "choose"


@dataclass(frozen=True, slots=True)
class JoinRace:
    """A request to take part in the race in progress, else in the next one, without pedalling."""

    bike_id: str
    action: Literal["join"] = "join"


@dataclass(frozen=True, slots=True)
class LeaveRace:
    """A request to end the rider's race now, or to withdraw from one that has not begun."""

    bike_id: str
    action: Literal["leave"] = "leave"


RideRequest = ChooseRider | JoinRace | LeaveRace
REQUEST: TypeAdapter[RideRequest] = TypeAdapter(
    Annotated[RideRequest, Field(discriminator="action")]
)


@dataclass(frozen=True, slots=True)
class RideAnswer:
    """The answer to a request: the result, and in words what happened or why nothing did.

    `warning`: an effect of what was done that may be unexpected. The race and its racer are those
    that the request changed: with `starts_in_s`, if the race has not begun.
    """

    result: Literal["accepted", "already", "refused"]
    text: str
    warning: str | None = None
    bike_id: str | None = None
    race_id: int | None = None
    racer_id: int | None = None
    class_id: int | None = None
    starts_in_s: float | None = None

    @property
    def is_refused(self) -> bool:
        return self.result == "refused"


ANSWER = TypeAdapter(RideAnswer)


def ask_ride(path: Path, request: RideRequest) -> RideAnswer:
    """Let the gateway at this socket carry out a request. Raises NoRideAnswer."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(ANSWER_TIMEOUT_S)
        try:
            asking.connect(str(path))
            asking.sendall(REQUEST.dump_json(request) + b"\n")
            with asking.makefile("rb") as reader:
                return ANSWER.validate_json(reader.readline(ANSWER_MAX_BYTES))
        except TimeoutError:
            raise NoRideAnswer(
                f"{path}: no answer within {ANSWER_TIMEOUT_S:g} s; the gateway's disk may be busy: "
                "see `alleycat-gateway status`"
            ) from None
        except OSError as error:
            raise NoRideAnswer(f"{path}: {explained(error)}") from error
        except ValidationError:
            raise NoRideAnswer(
                f"{path}: no valid answer; the gateway is busy, stopping or of another version"
            ) from None
