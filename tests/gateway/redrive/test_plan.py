"""The plan of a redrive: what is telemetry, and the order of the records."""

import base64
import json
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redrive.plan import (
    MAX_BATCH_BYTES,
    FailedRecord,
    NotTelemetry,
    QueuedMessage,
    batches,
    failed_record,
    in_order,
)
from tests.support.failed_telemetry import error_action, telemetry

#: The example of the AWS IoT Core developer guide, "Error handling (error action)", with its
#: payload replaced by a second of a race.
PAYLOAD = (
    b'{"uuid":"cb4c29cb-553e-50fe-b937-4eb4d1396f99","event":"update",'
    b'"deviceTimestamp":1795247503000,"second":103,"raceId":5984158,"name":"Hayden","racerId":7,'
    b'"classId":1,"cadence":21.9,"resistance":85.3,"bikeId":"bike-001"}'
)
OF_AWS = {
    "ruleName": "TestAction",
    "topic": "testme/action",
    "cloudwatchTraceId": "7e146a2c-95b5-6caf-98b9-50e3969734c7",
    "clientId": "iotconsole-1511213971966-0",
    "base64OriginalPayload": base64.b64encode(PAYLOAD).decode(),
    "failures": [
        {
            "failedAction": "KinesisAction",
            "failedResource": "alleycat",
            "errorMessage": "Rate exceeded for shard shardId-000000000000",
        }
    ],
}


def record(race_id: int, second: int, racer_id: int = 7, padding: int = 0) -> FailedRecord:
    data = telemetry(race_id, second, racer_id).to_json() + b" " * padding
    return failed_record(QueuedMessage("id", "receipt", error_action(data)))


def test_record_is_the_payload_as_published_under_its_race_id() -> None:
    found = failed_record(QueuedMessage("id", "receipt", json.dumps(OF_AWS)))
    assert found.data == PAYLOAD
    assert found.partition_key == "5984158"


def test_record_from_a_newer_gateway_keeps_fields_that_this_version_does_not_know() -> None:
    payload = PAYLOAD.replace(b'"second"', b'"wattsPerKg":3.1,"second"')
    assert failed_record(QueuedMessage("id", "receipt", error_action(payload))).data == payload


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "not a message of an IoT rule's error action; expected JSON with base64Orig"),
        ("[]", "not a message of an IoT rule's error action"),
        ("{}", "not a message of an IoT rule's error action"),
        ('{"base64OriginalPayload":7}', "not a message of an IoT rule's error action"),
        ('{"base64OriginalPayload":"?"}', "not a message of an IoT rule's error action"),
        ("[" * 100_000, "not a message of an IoT rule's error action"),
        (error_action(b"hello"), "its payload is not telemetry: not JSON: Expecting value"),
        (error_action(b"\xff"), "its payload is not telemetry: not JSON: 'utf-8' codec"),
        (error_action(b"[]"), "its payload is not telemetry: Input should be an object"),
        (
            error_action(PAYLOAD.replace(b'"cadence":21.9,', b"")),
            "its payload is not telemetry: cadence: Field required",
        ),
        (
            error_action(PAYLOAD.replace(b'"classId":1', b'"classId":7')),
            "its payload is not telemetry: classId: Input should be less than or equal to 6",
        ),
        # Python reads it as a number, JavaScript does not: it would stop a consumer's shard.
        (
            error_action(PAYLOAD.replace(b"21.9", b"Infinity")),
            "its payload is not telemetry: not JSON: Infinity is not a number in JSON",
        ),
        (error_action(b"[" * 100_000), "its payload is not telemetry: not JSON: "),
    ],
)
def test_message_that_is_not_telemetry_is_refused_with_the_reason(body: str, reason: str) -> None:
    with pytest.raises(NotTelemetry) as raised:
        failed_record(QueuedMessage("id", "receipt", body))
    assert str(raised.value).startswith(reason)


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        (b"21.9", b'"21.9"', "cadence: Input should be a valid number"),
        (b"21.9", b"true", "cadence: Input should be a valid number"),
        (b"21.9", b"1e400", "not JSON: 1e400 is too large for a number in JavaScript"),
        (b"21.9", b"1" + b"0" * 400, "not JSON: 1" + "0" * 39 + " is above 9007199254740991"),
        (b'"raceId":5984158', b'"raceId":"5984158"', "raceId: Input should be a valid integer"),
        (b'"raceId":5984158', b'"raceId":5984158.0', "raceId: Input should be a valid integer"),
        (b'"raceId":5984158', b'"raceId":9007199254740992', "not JSON: 9007199254740992 is above"),
        (b'"racerId":7', b'"racerId":9007199254740992', "not JSON: 9007199254740992 is above"),
        (b'"racerId":7', b'"racerId":true', "racerId: Input should be a valid integer"),
        (b'"classId":1', b'"classId":true', "classId: Input should be a valid integer"),
        (b'"second":103', b'"second":"103"', "second: Input should be a valid integer"),
        (b'"second":103', b'"second":103,"power":"9"', "power: Input should be a valid number"),
        (b'"second":103', b'"second":103,"x":[-1e400]', "not JSON: -1e400 is too large"),
        (b'{"uuid"', b'\xef\xbb\xbf{"uuid"', "Invalid JSON: expected value"),
    ],
)
def test_payload_that_consumers_would_misread_stays_in_the_queue(
    was: bytes, becomes: bytes, reason: str
) -> None:
    assert was in PAYLOAD
    message = QueuedMessage("id", "receipt", error_action(PAYLOAD.replace(was, becomes)))
    with pytest.raises(NotTelemetry) as raised:
        failed_record(message)
    assert str(raised.value).startswith(f"its payload is not telemetry: {reason}")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"21.9", b"22"),  # a whole number of rpm
        (b'"racerId":7', b'"racerId":9007199254740991'),
        (b'"second":103', b'"resistanceSource":"device","power":112.0,"second":103'),
        (b'"second":103', b'"power":null,"second":103'),
    ],
)
def test_payload_that_consumers_understand_is_put(was: bytes, becomes: bytes) -> None:
    payload = PAYLOAD.replace(was, becomes)
    assert failed_record(QueuedMessage("id", "receipt", error_action(payload))).data == payload


def seconds(records: list[FailedRecord]) -> list[tuple[int, int, int]]:
    return [(r.telemetry.race_id, r.telemetry.second, r.telemetry.racer_id) for r in records]


def test_each_race_is_in_order_of_its_seconds_and_its_final_is_last() -> None:
    mixed = [record(2, 300), record(1, 298), record(2, 9), record(1, 300, 8), record(1, 300)]
    assert seconds(in_order(mixed)) == [
        (2, 9, 7),
        (1, 298, 7),
        (1, 300, 7),
        (1, 300, 8),
        (2, 300, 7),
    ]


def test_batch_ends_before_the_next_second_of_a_ride() -> None:
    records = in_order([record(1, 1), record(1, 2), record(1, 1, 8), record(1, 2, 8)])
    assert [seconds(batch) for batch in batches(records)] == [
        [(1, 1, 7), (1, 1, 8)],
        [(1, 2, 7), (1, 2, 8)],
    ]


def test_batch_holds_no_more_bytes_than_kinesis_takes() -> None:
    records = [record(1, 1, racer, padding=999_000) for racer in range(12)]
    sizes = [sum(one.size_bytes for one in batch) for batch in batches(records)]
    assert len(sizes) == 3
    assert max(sizes) <= MAX_BATCH_BYTES


RECORDS = st.lists(
    st.builds(record, st.integers(0, 3), st.integers(1, 300), st.integers(0, 3)), max_size=40
)


@given(RECORDS, st.integers(1, 6))
def test_batches_have_every_record_once_in_order_and_a_ride_once_each(
    mixed: list[FailedRecord], max_records: int
) -> None:
    ordered = in_order(mixed)
    split = list(batches(ordered, max_records))
    assert [one for batch in split for one in batch] == ordered
    assert sorted(seconds(ordered)) == sorted(seconds(mixed))
    by_ride = defaultdict(list)
    for batch in split:
        assert 1 <= len(batch) <= max_records
        assert len({one.ride for one in batch}) == len(batch)
        for one in batch:
            by_ride[one.ride].append(one.telemetry.second)
    assert all(a <= b for ridden in by_ride.values() for a, b in pairwise(ridden))
