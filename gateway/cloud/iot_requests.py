"""Requests to AWS IoT Core's own services over MQTT, which answer with accepted or rejected.

All calls block; only commands use them, while the daemon has an Uplink. awscrt's own
request-response client is not used: in 0.36.1 it crashes the process after a few uses.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from awscrt import mqtt5

from gateway.cloud import mqtt_errors
from gateway.cloud.connack import refusal
from gateway.cloud.credentials import read_credentials
from gateway.cloud.diagnosis import diagnose_failure
from gateway.cloud.iot_client import build_client, explain_failure, name_and_message
from gateway.cloud.tunnel import open_tunnel
from gateway.config.cloud import CloudConfig
from gateway.host.errors import GatewayError
from gateway.terminal.printable import one_line

#: Timeout of one request, in seconds. AWS answers within seconds.
ANSWER_TIMEOUT_S = 30.0
#: Timeout of one attempt to connect, in seconds. Name look-up, TCP, TLS and MQTT have shorter ones.
ATTEMPT_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 2.0


class NotConnected(GatewayError):
    """A failed connection. The text gives the reason."""


class NoAnswer(GatewayError):
    """A request that was neither accepted nor rejected. The text gives the reason."""


class Rejected(GatewayError):
    """A request that the service rejected."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(one_line(f"{code} ({status}): {message}"))
        self.status = status
        self.code = code


@contextmanager
def open_connection(
    cloud: CloudConfig,
    client_id: str,
    patience_s: float,
    answer_within_s: float = ANSWER_TIMEOUT_S,
) -> Iterator["IotRequests"]:
    """Connect and yield an object for requests; on exit, disconnect.

    Connecting is retried until an attempt fails after `patience_s`. Each step of a request fails
    after `answer_within_s`. Raises NotConnected or CredentialsError.
    """
    outcomes: SimpleQueue[mqtt5.LifecycleConnectFailureData | None] = SimpleQueue()
    stopped: SimpleQueue[None] = SimpleQueue()
    received: SimpleQueue[mqtt5.PublishPacket] = SimpleQueue()
    tunnel = open_tunnel(cloud, cloud.address_family)
    client = build_client(
        cloud,
        client_id,
        read_credentials(cloud),
        tunnel,
        on_lifecycle_event_connection_success_fn=lambda _: outcomes.put(None),
        on_lifecycle_event_connection_failure_fn=outcomes.put,
        on_lifecycle_event_stopped_fn=lambda _: stopped.put(None),
        on_publish_callback_fn=lambda data: received.put(data.publish_packet),
    )
    client.start()
    try:
        _await_connection(cloud, client_id, outcomes, patience_s)
        yield IotRequests(client, received, answer_within_s)
    finally:
        client.stop()
        _next(stopped, STOP_TIMEOUT_S)
        if tunnel is not None:
            tunnel.close()


def _await_connection(
    cloud: CloudConfig,
    client_id: str,
    outcomes: "SimpleQueue[mqtt5.LifecycleConnectFailureData | None]",
    patience_s: float,
) -> None:
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            failure = outcomes.get(timeout=ATTEMPT_TIMEOUT_S)
        except Empty:
            raise NotConnected(f"no readable answer within {ATTEMPT_TIMEOUT_S:g} s") from None
        if failure is None:
            return
        if time.monotonic() >= deadline_s:
            raise NotConnected(_reason(cloud, client_id, failure))


def _reason(cloud: CloudConfig, client_id: str, failure: mqtt5.LifecycleConnectFailureData) -> str:
    """Return why the client could not connect, and if possible what to do."""
    if failure.connack_packet is not None:
        return str(refusal(cloud, client_id, failure.connack_packet))
    name = name_and_message(failure.exception)[0]
    found = asyncio.run(diagnose_failure(cloud, cloud.address_family, name))
    if found is not None:
        return str(found)
    return f"{cloud.endpoint}:{cloud.port}: {explain_failure(failure)}"


class IotRequests:
    """Requests on an open connection, one at a time."""

    def __init__(
        self,
        client: mqtt5.Client,
        received: "SimpleQueue[mqtt5.PublishPacket]",
        answer_within_s: float,
    ) -> None:
        self._answer_within_s = answer_within_s
        self._client = client
        self._received = received

    def ask(self, topic: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer on `topic`/accepted. Raises Rejected or NoAnswer."""
        accepted, rejected = f"{topic}/accepted", f"{topic}/rejected"
        self._subscribe(accepted, rejected)
        self.publish(topic, json.dumps(payload).encode())
        answer = self._answer(accepted, rejected)
        content = _json_object(answer)
        if answer.topic == accepted:
            return content
        raise Rejected(
            content.get("statusCode", 0),
            content.get("errorCode", "?"),
            content.get("errorMessage", ""),
        )

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message and wait until the broker has it. Raises NoAnswer."""
        packet = mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)
        puback = self._result(self._client.publish(packet)).puback
        if puback.reason_code is None or puback.reason_code.value >= mqtt_errors.FIRST_FAILURE:
            raise NoAnswer(f"the broker refused the request: {_words(puback.reason_code)}")

    def _subscribe(self, *topics: str) -> None:
        subscriptions = [mqtt5.Subscription(topic, mqtt5.QoS.AT_LEAST_ONCE) for topic in topics]
        suback = self._result(self._client.subscribe(mqtt5.SubscribePacket(subscriptions)))
        for topic, code in zip(topics, suback.reason_codes, strict=True):
            if code is None or code.value >= mqtt_errors.FIRST_FAILURE:
                raise NoAnswer(f"cannot subscribe to {topic}: {_words(code)}")

    def _answer(self, *topics: str) -> mqtt5.PublishPacket:
        deadline_s = time.monotonic() + self._answer_within_s
        while (packet := _next(self._received, deadline_s - time.monotonic())) is not None:
            if packet.topic in topics:
                return packet
        raise NoAnswer(f"no answer within {self._answer_within_s:g} s")

    def _result(self, future: "Future[Any]") -> Any:
        try:
            return future.result(self._answer_within_s)
        except NotInTime:
            raise NoAnswer(f"no readable answer within {self._answer_within_s:g} s") from None
        except Exception as error:
            raise NoAnswer(mqtt_errors.explain(*name_and_message(error))) from error


def _next(queue: "SimpleQueue[Any]", timeout_s: float) -> Any:
    """Return the next item, or None after `timeout_s`."""
    try:
        return queue.get(timeout=max(timeout_s, 0))
    except Empty:
        return None


def _words(code: Any) -> str:
    """Return a reason code in words; None is a code that the SDK does not know."""
    return mqtt_errors.words(code.name) if code is not None else "unspecified error"


def _json_object(packet: mqtt5.PublishPacket) -> dict[str, Any]:
    try:
        content = json.loads(packet.payload or b"")
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"the answer on {packet.topic} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise NoAnswer(f"the answer on {packet.topic} is not a JSON object")
    return content
