"""Commands that say who rides which race on which bike, and what is answered. Pure.

They come as JSON on `alleycat/gateways/<thing>/race`:

    {"command": "start", "bikeId": "bike-001", "raceId": 12, "racerId": 7, "name": "Hayden",
     "classId": 1, "startMs": 1795247400000, "lengthS": 300}
    {"command": "stop", "bikeId": "bike-001", "raceId": 12}

`replace` has the fields of `start`, and ends what is in its way.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from gateway.host.errors import GatewayError
from gateway.race.races import Race, Racer

#: As many are named in a refusal.
MAX_PROBLEMS = 8
#: A command has some 200 bytes.
MAX_BYTES = 8 * 1024


def command_topic(thing_name: str) -> str:
    """Commands come here; answers go right below. config/aws/template.yaml allows just that."""
    return f"alleycat/gateways/{thing_name}/race"


class CommandRefused(GatewayError):
    """Nothing was changed. The text says why, and what was expected."""


class _Command(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, validate_by_name=False
    )

    bike_id: Annotated[str, Field(min_length=1)]
    race_id: Annotated[int, Field(ge=0, lt=2**63)]


class StartRace(_Command):
    """A racer's race on a bike: `start_ms` since the epoch, `length_s` seconds."""

    command: Literal["start", "replace"]
    racer_id: Annotated[int, Field(ge=0, lt=2**63)]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    class_id: Annotated[int, Field(ge=1, le=6)]
    start_ms: Annotated[int, Field(ge=0, lt=2**53)]
    length_s: Annotated[int, Field(ge=1, le=86_400)]

    @property
    def race(self) -> Race:
        racer = Racer(self.racer_id, self.name, self.class_id)
        return Race(self.race_id, self.start_ms, self.length_s, racer)


class StopRace(_Command):
    """The race is over for this bike, or will not be ridden."""

    command: Literal["stop"]


Command = StartRace | StopRace

_COMMAND: TypeAdapter[Command] = TypeAdapter(
    Annotated[StartRace | StopRace, Field(discriminator="command")]
)


def decode_command(payload: bytes) -> Command:
    """Raises CommandRefused, with every field that is wrong."""
    if len(payload) > MAX_BYTES:
        raise CommandRefused(f"{len(payload)} bytes; expected a command of at most {MAX_BYTES}")
    try:
        return _COMMAND.validate_json(payload)
    except ValidationError as error:
        problems = [f"{_place(one['loc'])}: {one['msg']}" for one in error.errors()[:MAX_PROBLEMS]]
        raise CommandRefused("; ".join(problems)) from None


def _place(location: tuple[int | str, ...]) -> str:
    """The field's name; the first part is only which command it was taken for."""
    return ".".join(map(str, location[1:]))[:64] or "command"


class Response(BaseModel):
    """What goes back: whether it holds now, what was done, or why not."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    ok: bool
    result: Literal["accepted", "already", "refused"]
    reason: str | None = None
    command: str | None = None
    bike_id: str | None = None
    race_id: int | None = None

    def to_json(self) -> bytes:
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


def respond(command: Command, result: Literal["accepted", "already"]) -> Response:
    return Response(
        ok=True,
        result=result,
        command=command.command,
        bike_id=command.bike_id,
        race_id=command.race_id,
    )


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
