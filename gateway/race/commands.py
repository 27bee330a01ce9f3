"""Race commands, which assign a race and a racer to a bike, and their responses. Pure.

Commands arrive as JSON on `alleycat/gateways/<thing>/race`:

    {"command": "start", "bikeId": "bike-001", "raceId": 12, "racerId": 7, "name": "Hayden",
     "classId": 1, "startMs": 1795247400000, "lengthS": 300}
    {"command": "stop", "bikeId": "bike-001", "raceId": 12}

`replace` has the fields of `start`, and also ends races that conflict with it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from gateway.host.errors import GatewayError
from gateway.race.races import ANALYTICS_MAX_ID, MAX_ID, MAX_LENGTH_S, Race, Racer

#: Limit of problems that one refusal lists.
MAX_PROBLEMS = 8
#: Limit of a command's size in bytes; a usual one has about 200.
MAX_BYTES = 8 * 1024


def command_topic(thing_name: str) -> str:
    """Return the topic of commands. Responses go one level below it.

    The policy in config/aws/template.yaml allows exactly these topics.
    """
    return f"alleycat/gateways/{thing_name}/race"


class CommandRefused(GatewayError):
    """A refused command; nothing was changed. The text gives the reason and a remedy."""


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)

    bike_id: Annotated[str, Field(min_length=1)]
    race_id: Annotated[int, Field(ge=0, le=MAX_ID)]


class StartRace(_Command):
    """A command that assigns a race and a racer to a bike. `start_ms` is in ms since the epoch."""

    command: Literal["start", "replace"]
    racer_id: Annotated[int, Field(ge=0, le=MAX_ID)]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    class_id: Annotated[int, Field(ge=1, le=6)]
    start_ms: Annotated[int, Field(ge=0, lt=2**53)]
    length_s: Annotated[int, Field(ge=1, le=MAX_LENGTH_S)]

    @property
    def race(self) -> Race:
        racer = Racer(self.racer_id, self.name, self.class_id)
        return Race(self.race_id, self.start_ms, self.length_s, racer)


def problem_of(bike_id: str, race: Race) -> str | None:
    """Return why no command can have started a race; None if one can."""
    if race.waits_for_pedals:
        return "waits_for_pedals: Input should be false"
    racer = race.racer
    if racer is None:
        return "racerId: Input should be a valid integer"
    fields = {
        "command": "start",
        "bikeId": bike_id,
        "raceId": race.race_id,
        "racerId": racer.racer_id,
        "name": racer.name,
        "classId": racer.class_id,
        "startMs": race.start_ms,
        "lengthS": race.length_s,
    }
    try:
        StartRace.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{first['loc'][0]}: {first['msg']}"
    return None


class StopRace(_Command):
    """A command that ends a race on a bike, or removes one that has not begun."""

    command: Literal["stop"]


Command = StartRace | StopRace

_COMMAND: TypeAdapter[Command] = TypeAdapter(
    Annotated[StartRace | StopRace, Field(discriminator="command")]
)


def decode_command(payload: bytes) -> Command:
    """Decode a command. Raises CommandRefused, which names the invalid fields."""
    if len(payload) > MAX_BYTES:
        raise CommandRefused(
            f"the command has {len(payload)} bytes; expected at most {MAX_BYTES} bytes"
        )
    try:
        return _COMMAND.validate_json(payload)
    except ValidationError as error:
        problems = [f"{_place(one['loc'])}: {one['msg']}" for one in error.errors()[:MAX_PROBLEMS]]
        raise CommandRefused("; ".join(problems)) from None


def _place(location: tuple[int | str, ...]) -> str:
    """Return the field's name, without the first part, which is only the command's type."""
    return ".".join(map(str, location[1:]))[:64] or "command"


class Response(BaseModel):
    """The response to a command: whether it applies now, the result, and the reason if refused.

    `warning` describes an effect of an accepted command that may be unexpected. `until_restart`:
    the command applies, but could not be saved.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    ok: bool
    result: Literal["accepted", "already", "refused"]
    reason: str | None = None
    warning: str | None = None
    until_restart: Literal[True] | None = None
    command: str | None = None
    bike_id: str | None = None
    race_id: int | None = None

    def unsaved(self, reason: str) -> "Response":
        """Return the response to the same command if it could not be saved."""
        text = (
            f"not saved: {reason}; the command applies, but is lost if the gateway restarts. "
            "Repeat it later to have it saved"
        )
        warning = f"{self.warning}; {text}" if self.warning else text
        return self.model_copy(update={"until_restart": True, "warning": warning})

    def to_json(self) -> bytes:
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


def respond(command: Command, result: Literal["accepted", "already"]) -> Response:
    return Response(
        ok=True,
        result=result,
        warning=_warning(command),
        command=command.command,
        bike_id=command.bike_id,
        race_id=command.race_id,
    )


def _warning(command: Command) -> str | None:
    if isinstance(command, StartRace) and command.racer_id > ANALYTICS_MAX_ID:
        return (
            f"racerId {command.racer_id} is larger than {ANALYTICS_MAX_ID}, the limit of the "
            "backend's analytics"
        )
    return None


def refuse(reason: str, command: Command | None = None) -> Response:
    if command is None:
        return Response(ok=False, result="refused", reason=reason)
    return Response(
        ok=False,
        result="refused",
        reason=reason,
        command=command.command,
        bike_id=command.bike_id,
        race_id=command.race_id,
    )
