"""SQS and Kinesis: real moto; only the failures that moto does not know are scripted."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gateway.redrive.aws import FailedQueue, RaceStream, open_aws
from gateway.redrive.plan import FailedRecord, QueuedMessage, failed_record
from gateway.redrive.session import Redrive, RedriveError
from gateway.telemetry.message import Telemetry
from tests.support.children import killed_at_end
from tests.support.failed_telemetry import (
    STREAM,
    EmulatedAws,
    emulated_aws,
    error_action,
    telemetry,
)

pytestmark = pytest.mark.xdist_group("redrive")  # one worker makes the fixtures of the module


MESSAGES = [QueuedMessage("1", "receipt", "body")]


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatedAws]:
    with emulated_aws() as aws:
        yield aws


@pytest.fixture
def aws(server: EmulatedAws) -> EmulatedAws:
    return server.emptied()


@pytest.fixture
def queue(aws: EmulatedAws) -> FailedQueue:
    """The queue. moto has one server, so that no wait is needed to ask all of them."""
    return FailedQueue(aws.sqs, aws.queue_url, wait_s=0)


@pytest.fixture
def stream(aws: EmulatedAws) -> RaceStream:
    return RaceStream(aws.kinesis._client, STREAM)


def received(queue: FailedQueue) -> list[QueuedMessage]:
    found: list[QueuedMessage] = []
    while messages := queue.receive():
        found += messages
    return found


def records(count: int) -> list[FailedRecord]:
    bodies = [error_action(telemetry(1, 5, racer_id).to_json()) for racer_id in range(count)]
    return [failed_record(QueuedMessage(str(i), str(i), body)) for i, body in enumerate(bodies)]


def test_received_messages_are_hidden_until_they_are_released(
    aws: EmulatedAws, queue: FailedQueue
) -> None:
    bodies = [error_action(telemetry(1, second).to_json()) for second in range(1, 26)]
    aws.send(*bodies)
    messages = received(queue)
    assert sorted(message.body for message in messages) == sorted(bodies)
    assert queue.counts() == (0, 25)
    queue.release(messages)
    assert queue.counts() == (25, 0)


def test_deleted_messages_are_gone(aws: EmulatedAws, queue: FailedQueue) -> None:
    aws.send(*(error_action(telemetry(1, second).to_json()) for second in range(1, 26)))
    messages = received(queue)
    queue.delete(messages[:23])
    queue.release(messages[23:])
    assert queue.counts() == (2, 0)


def test_put_records_are_in_the_stream_unchanged_under_the_race_id(
    aws: EmulatedAws, stream: RaceStream
) -> None:
    sent = records(60)
    assert stream.put(sent) == {}
    stored = aws.reader.read()
    assert [data for _, data in stored] == [record.data for record in sent]
    [shard] = {shard for shard, _ in stored}
    # The rule's own record of this race goes to the same shard.
    aws.kinesis._client.put_record(StreamName=STREAM, Data=b"{}", PartitionKey="1")
    assert aws.reader.read() == [(shard, b"{}")]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda queue, stream: queue.counts(), "cannot read the size of the queue"),
        (lambda queue, stream: queue.receive(), "cannot read the queue"),
        (lambda queue, stream: queue.release(MESSAGES), "cannot release messages of the queue"),
        (lambda queue, stream: queue.delete(MESSAGES), "messages cannot be deleted from the queue"),
        (lambda queue, stream: stream.put(records(1)), "cannot put records into the stream none"),
    ],
)
def test_wrong_name_is_reported_with_what_was_tried_and_what_is_expected(
    aws: EmulatedAws, call: Any, said: str
) -> None:
    queue = FailedQueue(aws.sqs, f"{aws.queue_url}-of-another")
    stream = RaceStream(aws.kinesis._client, "none")
    with pytest.raises(RedriveError, match=said) as raised:
        call(queue, stream)
    assert "does not exist" in str(raised.value) or "not found" in str(raised.value)
    assert "expected the credentials and the region" in str(raised.value)


def test_missing_region_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(RedriveError, match="cannot use AWS: You must specify a region; expected"):
        open_aws("https://sqs.eu-west-1.amazonaws.com/1/failed", STREAM)


def client(service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="demo",
        aws_secret_access_key="demo",
    )


THROTTLED = {
    "ErrorCode": "ProvisionedThroughputExceededException",
    "ErrorMessage": "Rate exceeded for shard shardId-000000000000",
}
STORED = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}


def test_throttled_records_of_a_put_are_returned_with_the_reason() -> None:
    kinesis = client("kinesis")
    with Stubber(kinesis) as script:
        answer = {"FailedRecordCount": 1, "Records": [STORED, THROTTLED, STORED]}
        script.add_response("put_records", answer)
        assert RaceStream(kinesis, STREAM).put(records(3)) == {
            1: "ProvisionedThroughputExceededException: Rate exceeded for shard "
            "shardId-000000000000"
        }
    kinesis.close()


def test_put_that_is_throttled_as_a_whole_refuses_every_record() -> None:
    kinesis = client("kinesis")
    with Stubber(kinesis) as script:
        script.add_client_error("put_records", "LimitExceededException", "too many calls")
        refused = RaceStream(kinesis, STREAM).put(records(2))
    assert list(refused) == [0, 1]
    assert "too many calls" in refused[0]
    kinesis.close()


def test_put_without_permission_is_an_error() -> None:
    kinesis = client("kinesis")
    with Stubber(kinesis) as script:
        script.add_client_error("put_records", "AccessDeniedException", "no PutRecords")
        with pytest.raises(RedriveError, match=r"into the stream alleycat: .*no PutRecords"):
            RaceStream(kinesis, STREAM).put(records(2))
    kinesis.close()


def test_message_that_cannot_be_deleted_ends_the_run_with_what_follows() -> None:
    sqs = client("sqs")
    with Stubber(sqs) as script:
        failure = {"Id": "0", "SenderFault": False, "Code": "InternalError", "Message": "oops"}
        script.add_response("delete_message_batch", {"Failed": [failure], "Successful": []})
        with pytest.raises(
            RedriveError, match=r"InternalError oops; the next run puts these records again"
        ):
            FailedQueue(sqs, "https://queue").delete(MESSAGES)
    sqs.close()


#: A run that puts five records a second, of a queue that shows messages again after two seconds.
SLOW_RUN = """
import sys
from threading import Event
import boto3
from gateway.redrive.aws import FailedQueue, RaceStream
from gateway.redrive.session import Redrive
queue = FailedQueue(boto3.client("sqs"), sys.argv[1], hidden_s=2, wait_s=1)
stream = RaceStream(boto3.client("kinesis"), sys.argv[2])
Redrive(queue, stream, Event(), lambda *_: None, rate_per_s=5).run()
"""


@pytest.mark.slow
def test_killed_run_loses_nothing_and_repeats_at_most_one_put(
    aws: EmulatedAws, queue: FailedQueue, stream: RaceStream
) -> None:
    sent = [telemetry(1, second) for second in range(251, 301)]
    aws.send(*(error_action(one.to_json()) for one in sent))
    command = [sys.executable, "-c", SLOW_RUN, aws.queue_url, STREAM]
    stored: list[Telemetry] = []
    with killed_at_end(subprocess.Popen(command, env={**os.environ, **aws.environment})):
        until(lambda: len(stored) >= 5, lambda: stored.extend(aws.stored()))
    until(lambda: queue.counts()[1] == 0)
    Redrive(queue, stream, Event(), lambda *_: None, rate_per_s=10_000).run()
    stored += aws.stored()
    assert list(dict.fromkeys(one.second for one in stored)) == list(range(251, 301))
    assert len(stored) <= len(sent) + 1
    assert queue.counts() == (0, 0)


def until(is_true: Callable[[], bool], look: Callable[[], None] = lambda: None) -> None:
    deadline_s = time.monotonic() + 90
    while not is_true():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
        look()
