"""Kinesis: real moto; only the throttling that moto does not know is scripted."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto.kinesis.models import Shard

from gateway.simulation.cloud.kinesis import (
    Kinesis,
    _last_number,
    _make_client,
    _records_after,
    open_kinesis,
)
from gateway.simulation.cloud.rule import KinesisRecord
from gateway.simulation.extra import LOOPBACK

pytestmark = pytest.mark.xdist_group("kinesis")  # one worker makes the fixtures of the module

#: MD5 puts these keys on different shards of two.
KEYS = ("5400763", "5400764")


@pytest.fixture(scope="module")
def kinesis() -> Iterator[Kinesis]:
    with open_kinesis("races", shards=2) as kinesis:
        yield kinesis


def records(key: str, count: int, size: int = 250) -> list[KinesisRecord]:
    return [KinesisRecord(key, b"%s %05d " % (key.encode(), i) + b"x" * size) for i in range(count)]


@pytest.mark.slow
def test_kinesis_keeps_the_records_of_a_key_on_one_shard_in_order(kinesis: Kinesis) -> None:
    reader = kinesis.open_reader()
    reader.read()
    first, second = records(KEYS[0], 700), records(KEYS[1], 700)
    interleaved = [record for pair in zip(first, second, strict=True) for record in pair]
    assert kinesis.put(interleaved) == {}
    by_shard: dict[str, list[bytes]] = {shard_id: [] for shard_id in reader.shard_ids}
    for shard_id, data in reader.read():
        by_shard[shard_id].append(data)
    assert sorted(by_shard.values()) == [[r.data for r in first], [r.data for r in second]]


def test_kinesis_reader_gives_each_record_once_from_the_oldest_on(kinesis: Kinesis) -> None:
    kinesis.put([KinesisRecord("1", b"old")])
    reader = kinesis.open_reader()
    assert b"old" in [data for _, data in reader.read()]
    assert reader.read() == []
    kinesis.put([KinesisRecord("1", b"new")])
    assert [data for _, data in reader.read()] == [b"new"]


@pytest.mark.slow
def test_kinesis_put_beyond_the_maximum_is_split(kinesis: Kinesis) -> None:
    reader = kinesis.open_reader()
    reader.read()
    large = records("1", 90, size=128_000)  # 11 MB
    assert kinesis.put(large) == {}
    assert [data for _, data in reader.read()] == [record.data for record in large]


@given(st.integers(0, 12), st.integers(0, 14), st.none() | st.integers(1, 14))
def test_kinesis_shortcuts_give_what_moto_gives(count: int, last: int, limit: int | None) -> None:
    shard = Shard(0, 0, 2**128)
    for number in range(count):
        shard.put_record("1", str(number), "")
    assert _last_number(shard) == shard.get_max_sequence_number() == count
    theirs, ours = shard.get_records(str(last), limit), _records_after(shard, str(last), limit)
    assert ours[:2] == theirs[:2]


def test_kinesis_put_of_no_records_is_no_error(kinesis: Kinesis) -> None:
    assert kinesis.put([]) == {}


def answer(*errors: str | None) -> dict[str, Any]:
    entries: list[dict[str, str]] = [
        {"ErrorCode": error, "ErrorMessage": "rate exceeded"}
        if error
        else {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
        for error in errors
    ]
    return {"Records": entries}


@pytest.fixture
def scripted() -> Iterator[tuple[Kinesis, Stubber]]:
    client = _make_client(f"http://{LOOPBACK}:1")
    with Stubber(client) as script:
        yield Kinesis(client, "races"), script
        script.assert_no_pending_responses()
    client.close()


def request(*records: KinesisRecord) -> dict[str, Any]:
    entries = [{"Data": record.data, "PartitionKey": record.partition_key} for record in records]
    return {"StreamName": "races", "Records": entries}


@pytest.mark.slow
def test_kinesis_put_repeats_only_the_records_that_failed(
    scripted: tuple[Kinesis, Stubber],
) -> None:
    kinesis, script = scripted
    a, b, c = records("1", 3)
    throttled = "ProvisionedThroughputExceededException"
    script.add_response("put_records", answer(None, throttled, throttled), request(a, b, c))
    script.add_response("put_records", answer(throttled, None), request(b, c))
    script.add_response("put_records", answer(None), request(b))
    assert kinesis.put([a, b, c]) == {}


@pytest.mark.slow
def test_kinesis_put_names_records_that_keep_failing_with_the_reason(
    scripted: tuple[Kinesis, Stubber],
) -> None:
    kinesis, script = scripted
    a, b = records("1", 2)
    script.add_response("put_records", answer(None, "InternalFailure"), request(a, b))
    for _ in range(3):
        script.add_response("put_records", answer("InternalFailure"), request(b))
    assert kinesis.put([a, b]) == {1: "InternalFailure: rate exceeded"}


@pytest.mark.slow
def test_kinesis_put_without_a_server_fails_every_record_with_the_reason() -> None:
    with open_kinesis("races", shards=1) as kinesis:
        pass
    failed = kinesis.put(records("1", 2))
    assert list(failed) == [0, 1]
    assert "Could not connect" in failed[1]


@pytest.mark.slow
def test_kinesis_ignores_aws_and_proxy_settings_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
    with open_kinesis("races", shards=1) as kinesis:
        assert kinesis.put(records("1", 1)) == {}


@pytest.mark.slow
def test_kinesis_server_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with open_kinesis("races", shards=1) as kinesis:
        kinesis.put(records("1", 1))
    assert capfd.readouterr() == ("", "")


def test_kinesis_server_that_does_not_start_is_an_error_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        pytest.raises(RuntimeError, match=r"exited with code 1 .*\.simulation\.cloud\.kinesis"),
        open_kinesis("races", shards=1),
    ):
        pass
