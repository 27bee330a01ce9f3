"""`redrive` as a person runs it, against SQS and Kinesis on this computer."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.children import killed_at_end
from tests.support.failed_telemetry import EmulatedAws, emulated_aws, error_action, telemetry
from tests.support.gateway_process import COMMAND

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("redrive")]

TIMEOUT_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatedAws]:
    with emulated_aws() as aws:
        yield aws


@pytest.fixture
def aws(server: EmulatedAws) -> EmulatedAws:
    """An AWS whose queue has a race's last ten seconds, in no order."""
    aws = server.emptied()
    for second in (300, 295, 291, 299, 292, 298, 296, 293, 297, 294):
        aws.send(error_action(telemetry(5, second).to_json()))
    return aws


def command(aws: EmulatedAws, *more: str) -> list[str]:
    return [*COMMAND, "redrive", aws.queue_url, *more]


def run(aws: EmulatedAws, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(aws, *more),
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env={**os.environ, **aws.environment},
    )


def seconds(aws: EmulatedAws) -> list[int]:
    return [one.second for one in aws.stored()]


def test_redrive_puts_the_race_in_order_and_empties_the_queue(aws: EmulatedAws) -> None:
    ended = run(aws)
    assert ended.stdout == (
        "race 5: 10 messages of 1 racer, seconds 291 to 300, 1 final\n"
        "put 10 of 10 records into alleycat\n"
    )
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert seconds(aws) == list(range(291, 301))
    assert aws.size() == (0, 0)


def test_dry_run_shows_the_records_and_touches_nothing(aws: EmulatedAws) -> None:
    ended = run(aws, "--dry-run")
    assert ended.stdout == (
        "race 5: 10 messages of 1 racer, seconds 291 to 300, 1 final\n"
        "would put 10 records into alleycat\n"
    )
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert seconds(aws) == []
    assert aws.size() == (10, 0)


def test_message_that_is_not_telemetry_stays_and_is_reported(aws: EmulatedAws) -> None:
    aws.send("hello")
    ended = run(aws, "--json")
    said = json.loads(ended.stdout)
    [left] = said.pop("left")
    assert left["reason"].startswith("not a message of an IoT rule's error action; expected")
    assert said == {
        "dry_run": False,
        "records": 10,
        "put": 10,
        "held_elsewhere": 0,
        "complete": True,
        "interrupted": False,
        "error": None,
        "races": [
            {
                "race_id": 5,
                "messages": 10,
                "finals": 1,
                "first_second": 291,
                "last_second": 300,
                "racers": 1,
            }
        ],
    }
    assert (ended.stderr, ended.returncode) == ("", 1)
    assert aws.size() == (1, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_redrive_reports_what_it_put_and_shows_the_rest_again(
    aws: EmulatedAws, number: signal.Signals
) -> None:
    put: list[int] = []
    with killed_at_end(
        subprocess.Popen(
            command(aws, "--rate", "2", "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **aws.environment},
        )
    ) as process:
        put += awaited(aws, 1)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_S)
    put += seconds(aws)
    assert (err, process.returncode) == ("interrupted; run this command again to continue\n", 130)
    said = json.loads(out)
    assert (said["put"], said["interrupted"]) == (len(put), True)
    assert aws.size() == (10 - len(put), 0)
    assert run(aws).returncode == 0
    assert put + seconds(aws) == list(range(291, 301))


def test_dry_run_reports_what_another_reader_holds(aws: EmulatedAws) -> None:
    aws.sqs.receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=3)
    ended = run(aws, "--dry-run")
    assert ended.stderr == (
        "another reader, such as a redrive that was killed less than 30 min ago, holds 3 messages "
        "of the queue; nothing can be put until they are visible again\n"
    )
    assert "would put 7 records" in ended.stdout
    assert ended.returncode == 0


def test_redrive_puts_nothing_before_another_reader_lets_go_of_its_messages(
    aws: EmulatedAws,
) -> None:
    aws.sqs.receive_message(QueueUrl=aws.queue_url, MaxNumberOfMessages=3, VisibilityTimeout=8)
    ended = run(aws)
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert seconds(aws) == list(range(291, 301))


def test_wrong_stream_is_an_error_and_leaves_the_queue_as_found(aws: EmulatedAws) -> None:
    ended = run(aws, "--stream", "none", "--json")
    assert ended.returncode == 1
    assert ended.stderr.startswith("cannot put records into the stream none: ")
    assert json.loads(ended.stdout)["error"] == ended.stderr.rstrip()
    assert aws.size() == (10, 0)


def test_missing_boto3_is_an_error_with_the_pip_command() -> None:
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "from gateway.cli.app import main\n"
        "sys.argv = ['alleycat-gateway', 'redrive', 'https://queue']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        "redrive needs boto3, which is not installed; in a checkout of the gateway, "
        "install it with: pip install '.[aws]'\n"
    )


def awaited(aws: EmulatedAws, count: int) -> list[int]:
    """Return the seconds that arrive until there are `count`, or a few more."""
    arrived: list[int] = []
    deadline_s = time.monotonic() + TIMEOUT_S
    while len(arrived) < count:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
        arrived += seconds(aws)
    return arrived
