"""SQS and Kinesis: the queue of failed telemetry, and the stream that its records belong into.

Source: SQS API reference; Kinesis API reference, "PutRecords".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gateway.redrive.plan import FailedRecord, QueuedMessage
from gateway.redrive.session import HIDDEN_S, RedriveError
from gateway.terminal.printable import one_line

#: The most messages that SQS returns, deletes or releases with one call.
MESSAGES_PER_CALL = 10

#: Seconds to wait for a message. With a wait, SQS asks all of its servers, so that no answer means
#: that the queue is empty.
WAIT_S = 3

#: Calls until a failed one is given up. The client pauses between them.
ATTEMPTS = 5

#: Errors of a whole PutRecords call that pass.
_PASSING = {
    "InternalFailure",
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
}


class FailedQueue:
    """The SQS queue that the rule's error action sends to."""

    def __init__(
        self, client: Any, url: str, hidden_s: int = HIDDEN_S, wait_s: int = WAIT_S
    ) -> None:
        self._client = client
        self._url = url
        self._hidden_s = hidden_s
        self._wait_s = wait_s

    def counts(self) -> tuple[int, int]:
        """Return about how many messages are visible, and how many some reader holds."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with _as_redrive_error(f"cannot read the size of the queue {self._url}"):
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        visible, held = (int(answer["Attributes"][name]) for name in names)
        return visible, held

    def receive(self) -> list[QueuedMessage]:
        with _as_redrive_error(f"cannot read the queue {self._url}"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MESSAGES_PER_CALL,
                VisibilityTimeout=self._hidden_s,
                WaitTimeSeconds=self._wait_s,
            )
        return [
            QueuedMessage(message["MessageId"], message["ReceiptHandle"], message["Body"])
            for message in answer.get("Messages", ())
        ]

    def delete(self, messages: Sequence[QueuedMessage]) -> None:
        problem = (
            "the records are in the stream, but their messages cannot be deleted from the queue "
            f"{self._url}"
        )
        for entries in _entries(messages):
            with _as_redrive_error(problem):
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            for failure in answer.get("Failed", ()):
                reason = f"{failure['Code']} {failure.get('Message', '')}".strip()
                raise RedriveError(
                    f"{problem}: {reason}; the next run puts these records again, with the same "
                    "uuid"
                )

    def release(self, messages: Sequence[QueuedMessage]) -> None:
        """Make the messages visible again now, not after `hidden_s`."""
        with _as_redrive_error(f"cannot release messages of the queue {self._url}"):
            for entries in _entries(messages):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[{**entry, "VisibilityTimeout": 0} for entry in entries],
                )


class RaceStream:
    """The Kinesis stream that the rule puts telemetry into."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def put(self, records: Sequence[FailedRecord]) -> dict[int, str]:
        entries = [{"Data": one.data, "PartitionKey": one.partition_key} for one in records]
        with _as_redrive_error(f"cannot put records into the stream {self._name}"):
            try:
                answer = self._client.put_records(StreamName=self._name, Records=entries)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _PASSING:
                    raise
                return dict.fromkeys(range(len(records)), one_line(str(error)))
        return {
            index: f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
            for index, result in enumerate(answer["Records"])
            if "ErrorCode" in result
        }


def open_aws(queue_url: str, stream: str) -> tuple[FailedQueue, RaceStream]:
    """Return queue and stream, with the credentials and region of the AWS command line."""
    retries = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
    with _as_redrive_error("cannot use AWS"):
        return (
            FailedQueue(boto3.client("sqs", config=retries), queue_url),
            RaceStream(boto3.client("kinesis", config=retries), stream),
        )


def _entries(messages: Sequence[QueuedMessage]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(messages), MESSAGES_PER_CALL):
        yield [
            {"Id": str(index), "ReceiptHandle": message.receipt}
            for index, message in enumerate(messages[start : start + MESSAGES_PER_CALL])
        ]


@contextmanager
def _as_redrive_error(problem: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RedriveError(
            f"{problem}: {str(error).rstrip('.')}; expected the credentials and the region that "
            "the AWS command line uses, with the permissions listed in docs/aws.md"
        ) from error
