"""Requests to AWS IoT Core's own services over MQTT: ask on a topic, wait for accepted or rejected.

Blocking, for commands: the daemon has an Uplink.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from awscrt import mqtt5, mqtt_request_response

from gateway.config import CloudConfig
from gateway.iot_client import build_client, explain_failure, name_and_message

#: For one request; AWS answers within seconds.
ANSWER_TIMEOUT_S = 30
#: An attempt to connect: name look-up, TCP, TLS and MQTT have timeouts of their own below this.
ATTEMPT_TIMEOUT_S = 60.0


class NotConnected(Exception):
    """The text says why."""


class NoAnswer(Exception):
    """Neither accepted nor rejected. The text says why."""


class Rejected(Exception):
    """The service does not want it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.status = status
        self.code = code


@contextmanager
def open_connection(
    cloud: CloudConfig, client_id: str, patience_s: float
) -> Iterator["IotRequests"]:
    """Connected, within `patience_s` or at the first attempt after it.

    Raises NotConnected, or CredentialsError.
    """
    outcomes: SimpleQueue[str | None] = SimpleQueue()
    client = build_client(
        cloud,
        client_id,
        on_lifecycle_event_connection_success_fn=lambda _: outcomes.put(None),
        on_lifecycle_event_connection_failure_fn=lambda data: outcomes.put(explain_failure(data)),
    )
    client.start()
    try:
        _await_connection(outcomes, patience_s)
        yield IotRequests(client)
    finally:
        client.stop()


def _await_connection(outcomes: "SimpleQueue[str | None]", patience_s: float) -> None:
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            reason = outcomes.get(timeout=ATTEMPT_TIMEOUT_S)
        except Empty:
            raise NotConnected("no answer") from None
        if reason is None:
            return
        if time.monotonic() >= deadline_s:
            raise NotConnected(reason)


class IotRequests:
    """On a connection that is open."""

    def __init__(self, client: mqtt5.Client) -> None:
        options = mqtt_request_response.ClientOptions(
            max_request_response_subscriptions=2,
            max_streaming_subscriptions=0,
            operation_timeout_in_seconds=ANSWER_TIMEOUT_S,
        )
        self._client = mqtt_request_response.Client(client, options)

    def ask(self, topic: str, payload: dict[str, Any]) -> dict[str, Any]:
        """What is said on `topic`/accepted. Raises Rejected or NoAnswer."""
        answers = [f"{topic}/accepted", f"{topic}/rejected"]
        options = mqtt_request_response.RequestOptions(
            subscription_topic_filters=answers,
            response_paths=[mqtt_request_response.ResponsePath(answer) for answer in answers],
            publish_topic=topic,
            payload=json.dumps(payload).encode(),
        )
        response = _result(self._client.make_request(options))
        try:
            said = json.loads(response.payload or b"")
        except ValueError as error:
            raise NoAnswer(f"what came on {response.topic} is not JSON: {error}") from error
        if not isinstance(said, dict):
            raise NoAnswer(f"what came on {response.topic} is no JSON object")
        if response.topic == answers[0]:
            return said
        raise Rejected(
            said.get("statusCode", 0), said.get("errorCode", "?"), said.get("errorMessage", "")
        )


def _result(future: "Future[Any]") -> mqtt_request_response.Response:
    try:
        return future.result(ANSWER_TIMEOUT_S * 2)
    except NotInTime:
        raise NoAnswer(f"no answer within {ANSWER_TIMEOUT_S} s") from None
    except Exception as error:
        name, message = name_and_message(error)
        if name == "AWS_ERROR_MQTT_REQUEST_RESPONSE_TIMEOUT":
            raise NoAnswer(f"no answer within {ANSWER_TIMEOUT_S} s") from error
        raise NoAnswer(f"{message} ({name})") from error
