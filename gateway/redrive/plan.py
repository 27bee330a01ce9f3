"""Which record is put into the stream, and in which order. Pure.

Source: AWS IoT Core developer guide, "Error handling (error action)"; Kinesis API reference,
"PutRecords".
"""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NoReturn

from pydantic import ValidationError

from gateway.host.errors import GatewayError
from gateway.race.races import MAX_ID
from gateway.telemetry.message import Telemetry, strict_telemetry_from_json

#: Limits of one PutRecords call.
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 5_242_880


class NotTelemetry(GatewayError):
    """A message of the queue that is not put into the stream. The text gives the reason."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message as received from the queue; `receipt` allows deleting it."""

    message_id: str
    receipt: str
    body: str


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """A second that the rule could not store, and the message of the queue that contains it."""

    message: QueuedMessage
    telemetry: Telemetry
    #: The payload as published, byte for byte.
    data: bytes

    @property
    def partition_key(self) -> str:
        """The key that the rule uses: `${raceId}`."""
        return str(self.telemetry.race_id)

    @property
    def ride(self) -> tuple[int, int]:
        """The race and the racer. Their seconds have to stay in order."""
        return self.telemetry.race_id, self.telemetry.racer_id

    @property
    def size_bytes(self) -> int:
        return len(self.data) + len(self.partition_key)


def failed_record(message: QueuedMessage) -> FailedRecord:
    """Return the record in a message of the rule's error action. Raises NotTelemetry."""
    data = _original_payload(message.body)
    try:
        _check_numbers(data)
        return FailedRecord(message, strict_telemetry_from_json(data), data)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        reason = f"{field}: {problem['msg']}" if field else problem["msg"]
    except (ValueError, RecursionError) as error:
        reason = f"not JSON: {error}"
    raise NotTelemetry(f"its payload is not telemetry: {reason}")


def in_order(records: Iterable[FailedRecord]) -> list[FailedRecord]:
    """Return the records by second, and within a second by race and racer.

    So each race is in order. Races take turns, because each is on a shard of its own, and a batch
    has room for only one second of a ride.
    """
    return sorted(records, key=_position)


def batches(
    records: Sequence[FailedRecord], max_records: int = MAX_BATCH_RECORDS
) -> Iterator[list[FailedRecord]]:
    """Yield the records in batches for one PutRecords call each, in the order given.

    No batch has two seconds of the same ride: Kinesis may store the later one and refuse the
    earlier one, which would then follow it.
    """
    batch: list[FailedRecord] = []
    rides: set[tuple[int, int]] = set()
    size_bytes = 0
    for record in records:
        if (
            record.ride in rides
            or len(batch) == max_records
            or size_bytes + record.size_bytes > MAX_BATCH_BYTES
        ):
            yield batch
            batch, rides, size_bytes = [], set(), 0
        batch.append(record)
        rides.add(record.ride)
        size_bytes += record.size_bytes
    if batch:
        yield batch


def _original_payload(body: str) -> bytes:
    try:
        return base64.b64decode(json.loads(body)["base64OriginalPayload"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotTelemetry(
            "not a message of an IoT rule's error action; expected JSON with base64OriginalPayload"
        ) from None


def _position(record: FailedRecord) -> tuple[int, bool, int, int, str]:
    telemetry = record.telemetry
    return (
        telemetry.second,
        telemetry.is_final,
        telemetry.race_id,
        telemetry.racer_id,
        telemetry.bike_id,
    )


def _check_numbers(data: bytes) -> None:
    """Raise ValueError if there is a number that a consumer in JavaScript misreads.

    pydantic accepts NaN and Infinity, and reads 1e400 as infinite.
    """
    json.loads(
        data,
        parse_constant=_refuse_constant,
        parse_float=_finite,
        parse_int=_distinct_in_javascript,
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text:.40} is too large for a number in JavaScript")
    return number


def _distinct_in_javascript(text: str) -> int:
    number = int(text)
    if abs(number) > MAX_ID:
        raise ValueError(f"{text:.40} is above {MAX_ID}, where JavaScript confuses numbers")
    return number
