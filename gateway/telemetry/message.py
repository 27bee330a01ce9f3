"""Telemetry: the message on the wire, one JSON object per second, made of a Sample and a race.

The backend defines the JSON names. `config/telemetry.schema.json` is generated from this file.
"""

import re
import uuid
from dataclasses import dataclass
from hashlib import sha1
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from gateway.race.clock import RaceSecond
from gateway.race.races import MAX_ID, Racer
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.plausible import PLAUSIBLE
from gateway.sampling.sampler import Sample

#: uuid5(NAMESPACE_DNS, "alleycat-gateway"). It must never change: resends are recognised by it.
UUID_NAMESPACE = uuid.UUID("e09b7b3b-7169-5914-b8d2-4a7797913407")

Event = Literal["update", "final"]

# Only for the schema: an id that an older gateway buffered may be above this, and is sent, too.
_ID_LIMIT: dict[str, Any] = {"maximum": MAX_ID}


def _limits(field: str) -> dict[str, Any]:
    """Return the limits of a field as the schema has them: a lower limit below 0 becomes 0."""
    limits = PLAUSIBLE[field]
    return {"minimum": max(0, limits.lowest), "maximum": limits.highest}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The message of one second of one racer."""

    # An alias is the JSON name, where it differs.
    uuid: Annotated[
        str,
        Field(
            pattern="^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
            description="UUIDv5 of thing name, bike, race, racer, second and event: "
            "a second always has the same one, so that a resend can be recognised",
        ),
    ]
    event: Annotated[
        Event,
        Field(
            description="final: the last second of the race, sent once per racer who has joined "
            "it; if the bike was lost less than 10 s before, it has the values of the bike's last "
            "live second"
        ),
    ]
    device_timestamp: Annotated[
        int,
        Field(
            alias="deviceTimestamp",
            description="wall clock at the end of the second, ms since the epoch",
        ),
    ]
    second: Annotated[int, Field(ge=1, description="1 … length of the race in seconds")]
    race_id: Annotated[
        int,
        Field(
            alias="raceId",
            ge=0,
            description="continuous races: floor((epoch ms - offset in ms) / race length in ms) × "
            "10 + classId; with race.per_class = false, the floor alone",
            json_schema_extra=_ID_LIMIT,
        ),
    ]
    name: Annotated[str, Field(min_length=1, description="the racer's first name")]
    racer_id: Annotated[
        int,
        Field(
            alias="racerId",
            ge=0,
            description="the racer's id, from the config or the race command",
            json_schema_extra=_ID_LIMIT,
        ),
    ]
    class_id: Annotated[
        int,
        Field(
            alias="classId",
            ge=1,
            le=6,
            description="the racer's class, by which the backend groups its leaderboard",
        ),
    ]
    cadence: Annotated[
        float,
        Field(description="rpm, mean over the second", json_schema_extra=_limits("cadence_rpm")),
    ]
    resistance: Annotated[float, Field(ge=0, le=100, description="calibrated percent")]
    bike_id: Annotated[
        str,
        Field(alias="bikeId", min_length=1, description="the bike's id in the gateway's config"),
    ]
    resistance_source: Annotated[
        ResistanceSource | None,
        Field(
            alias="resistanceSource",
            description="calibrated: converted by a calibration of this bike; device: the "
            "percentage that the bike reports; uncalibrated: the bike's own number, taken as a "
            "percentage although it may not be one; derived: from power and cadence, because the "
            "bike reports no resistance, or one that means nothing; none: unknown, and sent as 0; "
            "absent in messages buffered by older gateways",
        ),
    ] = None
    power: Annotated[
        float | None,
        Field(
            description="W, mean over the second; absent when it is unknown",
            json_schema_extra=_limits("power_w"),
        ),
    ] = None
    samples: Annotated[
        int | None,
        Field(
            ge=1,
            description="final only: the number of messages of this racer in this race, this one "
            "included; absent when the gateway was started during the race and cannot know",
        ),
    ] = None
    is_simulated: Annotated[
        Literal[True] | None,
        Field(
            alias="simulated",
            description="true: a fake bike made the values up; absent if a bike reported them, and "
            "in messages of older gateways",
        ),
    ] = None

    @property
    def is_final(self) -> bool:
        return self.event == "final"

    def to_json(self) -> bytes:
        """Return the message as UTF-8 JSON without white space; absent fields are left out."""
        return _TELEMETRY.dump_json(self, by_alias=True, exclude_none=True)


_TELEMETRY = TypeAdapter(Telemetry)
#: Each is in no other message: inside a name the quotes would be escaped.
_FINAL = b'"event":"final"'
_SIMULATED = b'"simulated":true'
_BIKE_ID = re.compile(rb'"bikeId":"((?:[^"\\]|\\.)*)"')


def telemetry_from_json(payload: bytes) -> Telemetry:
    """Parse the output of `Telemetry.to_json`. Raises pydantic's ValidationError."""
    return _TELEMETRY.validate_json(payload)


def strict_telemetry_from_json(payload: bytes) -> Telemetry:
    """Parse a message of any origin; no field may have another JSON type than its own.

    Raises pydantic's ValidationError.
    """
    return _TELEMETRY.validate_json(payload, strict=True)


def is_final(payload: bytes) -> bool:
    """Return whether a message as `Telemetry.to_json` returns it is a final."""
    return _FINAL in payload


def bike_in(payload: bytes) -> bytes:
    """Return the bike's id in a message as `Telemetry.to_json` returns it; empty without one."""
    found = _BIKE_ID.search(payload)
    return b"" if found is None else found[1]


def is_simulated(payload: bytes) -> bool:
    """Return whether a fake bike made a message as `Telemetry.to_json` returns it."""
    return _SIMULATED in payload


def telemetry_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the message."""
    schema = _TELEMETRY.json_schema(by_alias=True)
    # None means absent: messages never contain null.
    for name in ("resistanceSource", "power", "samples", "simulated"):
        field = schema["properties"][name]
        del field["default"]
        schema["properties"][name] = {**field.pop("anyOf")[0], **field}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Alleycat race telemetry",
    }


def make_telemetry(
    thing_name: str,
    bike_id: str,
    racer: Racer,
    second: RaceSecond,
    sample: Sample,
    samples: int | None = None,
    *,
    is_simulated: bool = False,
) -> Telemetry:
    """Return the message of one second of one racer; `samples` fills the field of that name."""
    event: Event = "final" if second.is_final else "update"
    race_id = second.race.race_id
    identity = f"{thing_name}/{bike_id}/{race_id}/{racer.racer_id}/{second.second}/{event}"
    return Telemetry(
        uuid=_uuid5(identity),
        event=event,
        device_timestamp=second.end_ms,
        second=second.second,
        race_id=race_id,
        name=racer.name,
        racer_id=racer.racer_id,
        class_id=racer.class_id,
        cadence=sample.cadence_rpm,
        resistance=sample.resistance_percent,
        bike_id=bike_id,
        resistance_source=sample.resistance_source,
        power=sample.power_w,
        samples=samples,
        is_simulated=True if is_simulated else None,
    )


def _uuid5(name: str) -> str:
    """Return the UUIDv5 of a name (RFC 9562, 5.5); `uuid.uuid5` takes six times as long."""
    digest = sha1(UUID_NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()
    version_5, variant = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80
    text = f"{digest[:6].hex()}{version_5:02x}{digest[7]:02x}{variant:02x}{digest[9:16].hex()}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
