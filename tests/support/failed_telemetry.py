"""Messages of the rule's error action, and SQS with Kinesis on this computer."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3

from gateway.simulation.cloud.kinesis import Kinesis, StreamReader, open_kinesis
from gateway.simulation.cloud.rule import Rule
from gateway.telemetry.message import Telemetry, telemetry_from_json
from tests.support.telemetry import message

STREAM = "alleycat"
TOPIC = "alleycat-publish"
RULE = Rule("alleycat_telemetry", TOPIC, STREAM, "${raceId}")


def telemetry(race_id: int, second: int, racer_id: int = 7) -> Telemetry:
    """Return one second's message of a race of 300 s; the last second's is final."""
    return replace(message(second, race_id, bike=f"bike-{racer_id:03}"), racer_id=racer_id)


def error_action(payload: bytes, reason: str = "Rate exceeded for shard") -> str:
    """Return what the error action sends to the queue for a message with this payload."""
    return RULE.failure(TOPIC, payload, reason).to_json().decode()


@dataclass(frozen=True, slots=True)
class EmulatedAws:
    """A queue and a stream on this computer."""

    endpoint: str
    queue_url: str
    sqs: Any
    kinesis: Kinesis
    reader: StreamReader

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which boto3 finds this AWS, and no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "demo",
            "AWS_SECRET_ACCESS_KEY": "demo",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "*",
        }

    def emptied(self) -> "EmulatedAws":
        """Return this AWS with a new queue, and with all records read."""
        self.reader.read()
        # A queue can be purged only once a minute.
        name = f"failed-telemetry-{secrets.token_hex(4)}"
        return replace(self, queue_url=self.sqs.create_queue(QueueName=name)["QueueUrl"])

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def size(self) -> tuple[int, int]:
        """Return how many messages are visible and how many are held."""
        prefix = "ApproximateNumberOfMessages"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])
        counts = answer["Attributes"]
        return int(counts[prefix]), int(counts[f"{prefix}NotVisible"])

    def stored(self) -> list[Telemetry]:
        """Return the records since the last call; a race's are in order."""
        return [telemetry_from_json(data) for _, data in self.reader.read()]


@contextmanager
def emulated_aws() -> Iterator[EmulatedAws]:
    """Yield an AWS in a process of its own: moto, which knows all services."""
    with open_kinesis(STREAM, shards=2) as kinesis:
        endpoint = kinesis._client.meta.endpoint_url
        sqs = boto3.client(
            "sqs",
            region_name="us-east-1",
            endpoint_url=endpoint,
            aws_access_key_id="demo",
            aws_secret_access_key="demo",
        )
        yield EmulatedAws(endpoint, "", sqs, kinesis, kinesis.open_reader()).emptied()
        sqs.close()
