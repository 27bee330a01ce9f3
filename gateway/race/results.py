r"""The results of a race, as the original backend publishes them after each update. Pure.

All values are strings, and `results` contains JSON, the last output of each racer:

    {"msg": "results", "classId": "3", "raceId": "race-12", "ts": "1795247503000",
     "results": "{\"7\":131.9,\"8\":36.75}"}
"""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from gateway.host.errors import GatewayError

#: Limit of a message's size in bytes, that of AWS IoT Core. 1,000 racers have 16.6 KB.
MAX_BYTES = 128 * 1024
#: Limit of the racers in a race.
MAX_RACERS = 10_000
#: Limit of an output. The fastest riders reach a few hundred.
MAX_OUTPUT = 1e6

#: Limit of the digits of an id or a time; JavaScript's integers have at most 16.
MAX_DIGITS = 16

_RACE_ID_FIELD = re.compile(rb'"raceId"\s*:\s*"race-([0-9]{1,16})"')
_RACE_ID = re.compile(r"race-([0-9]{1,16})")
_TIME = re.compile(r"[0-9]{1,16}")


class ResultsError(GatewayError):
    """A message that does not contain the results of a race. The text gives the reason."""


@dataclass(frozen=True, slots=True)
class Place:
    """A racer's place in the latest results of the race."""

    rank: Annotated[
        int | None,
        Field(
            description="1 for the highest output; racers with the same output have the same "
            "rank; null while the results do not contain the racer"
        ),
    ]
    racers: Annotated[int, Field(description="the number of racers in the results")]
    output: Annotated[
        float | None,
        Field(description="the racer's output; null while the results do not contain the racer"),
    ]
    gap: Annotated[
        float | None,
        Field(
            description="how much the output is below that of the next racer ahead; null for a "
            "leader"
        ),
    ]
    leader_id: Annotated[int, Field(description="the id of a racer with the highest output")]
    leader_output: Annotated[float, Field(description="the highest output")]
    age_s: Annotated[float, Field(description="seconds since the results arrived")]


@dataclass(slots=True)
class Results:
    """The outputs of a race's racers, at least one, by racer id. `ts_ms`: the backend's clock."""

    race_id: int
    ts_ms: int
    outputs: dict[int, float]
    _ascending: list[float] = field(init=False)
    _leader_id: int = field(init=False)

    def __post_init__(self) -> None:
        self._ascending = sorted(self.outputs.values())
        self._leader_id = max(self.outputs, key=self.outputs.__getitem__)

    def place(self, racer_id: int, age_s: float) -> Place:
        rank = gap = None
        output = self.outputs.get(racer_id)
        if output is not None:
            not_ahead = bisect_right(self._ascending, output)
            rank = len(self._ascending) - not_ahead + 1
            gap = round(self._ascending[not_ahead] - output, 4) if rank > 1 else None
        return Place(
            rank=rank,
            racers=len(self.outputs),
            output=output,
            gap=gap,
            leader_id=self._leader_id,
            leader_output=self._ascending[-1],
            age_s=age_s,
        )


def race_id_in(payload: bytes) -> int:
    """Return the race id without decoding the message, which is much cheaper. Raises ResultsError.

    It may still turn out that the message is not valid.
    """
    if len(payload) > MAX_BYTES:
        raise ResultsError(f"{len(payload)} bytes; expected at most {MAX_BYTES}")
    found = _RACE_ID_FIELD.search(payload)
    if found is None:
        raise ResultsError('no raceId; expected "raceId":"race-<number>"')
    return int(found[1])


def decode_results(payload: bytes) -> Results:
    """Decode a message of at most MAX_BYTES. Racers without a usable output are left out.

    Raises ResultsError.
    """
    message = _json_object(payload, "the message")
    if message.get("msg") != "results":
        raise ResultsError('msg is not "results"')
    race_id = _RACE_ID.fullmatch(_text(message, "raceId"))
    ts_ms = _TIME.fullmatch(_text(message, "ts"))
    if race_id is None or ts_ms is None:
        raise ResultsError('expected raceId "race-<number>", and ts in ms since the epoch')
    outputs = _outputs(_json_object(_text(message, "results"), "results"))
    return Results(int(race_id[1]), int(ts_ms[0]), outputs)


def _outputs(results: dict[str, Any]) -> dict[int, float]:
    if len(results) > MAX_RACERS:
        raise ResultsError(f"results has {len(results)} racers; expected at most {MAX_RACERS}")
    outputs = {
        int(racer_id): output
        for racer_id, output in results.items()
        if len(racer_id) <= MAX_DIGITS
        and racer_id.isdecimal()
        # JavaScript writes NaN, the output of a record without resistance, as null.
        and type(output) in (float, int)
        and 0 <= output <= MAX_OUTPUT
    }
    if not outputs:
        raise ResultsError("results has no racer with an output")
    return outputs


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{what} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ResultsError(f"{what} is not a JSON object")
    return content


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise ResultsError(f"{name} is not a string")
    return value
