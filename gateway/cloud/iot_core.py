"""IotCore: an Uplink over MQTT 5 to AWS IoT Core, through awscrt.

awscrt runs callbacks on its own thread. Each callback only puts a note into a queue that the event
loop empties; the threads share nothing else.
"""

import asyncio
import re
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from awscrt import mqtt5

from gateway.cloud import mqtt_errors
from gateway.cloud.iot_client import (
    build_client,
    explain_failure,
    explain_plaintext_failure,
    name_and_message,
)
from gateway.cloud.uplink import (
    Answer,
    Commands,
    Ending,
    Feed,
    Subscription,
    UplinkListener,
    Verdict,
)
from gateway.config.schema import CloudConfig

STOP_TIMEOUT_S = 2.0
#: The reason why a Feed is left out of a connection. IoT Core ends the connection on a SUBSCRIBE
#: that the policy forbids: without a connection in between, nothing would be published any more.
NOT_TRIED = (
    "the broker ended the last connection when the gateway subscribed; the gateway will try again "
    "at the next connection"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Send:
    """One attempt to publish. Each resend of a message is another attempt."""

    ticket: int


class IotCore:
    """The Uplink to one endpoint. It must be created and used on the event loop."""

    def __init__(self, cloud: CloudConfig, client_id: str) -> None:
        self._topic = cloud.topic
        self._explain = explain_plaintext_failure if cloud.plaintext else explain_failure
        #: By topic.
        self._subscriptions: dict[str, Subscription] = {}
        #: The subscriptions of this connection, later of the last one, without an answer, by topic.
        self._unanswered: dict[str, Future[Any]] = {}
        self._handling: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._notes: deque[Callable[[], None]] = deque()
        self._notes_lock = threading.Lock()
        self._notes_awaited = False
        self._pending: dict[int, _Send] = {}
        self._connected = False
        self._stopping = False
        self._stopped = asyncio.Event()
        self._listener: UplinkListener | None = None
        self._client = build_client(
            cloud,
            client_id,
            on_lifecycle_event_connection_success_fn=self._from_sdk(self._on_connected),
            on_lifecycle_event_connection_failure_fn=self._from_sdk(self._on_failed),
            on_lifecycle_event_disconnection_fn=self._from_sdk(self._on_disconnected),
            on_lifecycle_event_stopped_fn=self._from_sdk(self._on_stopped),
            on_publish_callback_fn=self._from_sdk(self._on_received),
        )

    def subscribe(self, subscription: Subscription) -> None:
        self._subscriptions[subscription.topic] = subscription

    def start(self, listener: UplinkListener) -> None:
        self._listener = listener
        self._client.start()

    def publish(self, ticket: int, payload: bytes) -> None:
        send = _Send(ticket)
        self._pending[ticket] = send
        packet = mqtt5.PublishPacket(
            topic=self._topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE
        )
        future = self._client.publish(packet)
        future.add_done_callback(self._from_sdk(partial(self._on_published, send)))

    async def stop(self) -> None:
        self._stopping = True
        self._client.stop()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _from_sdk(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback for awscrt's thread that runs `handler` on the event loop."""
        return partial(self._note, handler)

    def _note(self, handler: Callable[[Any], None], data: Any) -> None:
        """Leave a note, from any thread; only the first one of a batch wakes the loop."""
        with self._notes_lock:
            self._notes.append(partial(handler, data))
            wake, self._notes_awaited = not self._notes_awaited, True
        if wake:
            with suppress(RuntimeError):  # the loop has ended and needs no more notes
                self._loop.call_soon_threadsafe(self._read_notes)

    def _read_notes(self) -> None:
        while (note := self._next_note()) is not None:
            try:
                note()
            except Exception as error:
                # A bug in one handler must not block the notes behind it.
                self._loop.call_exception_handler({"message": "uplink", "exception": error})

    def _next_note(self) -> Callable[[], None] | None:
        with self._notes_lock:
            if self._notes:
                return self._notes.popleft()
            self._notes_awaited = False
            return None

    def _on_connected(self, _data: mqtt5.LifecycleConnectSuccessData) -> None:
        self._connected = True
        left_out, self._unanswered = self._unanswered, {}
        for subscription in self._subscriptions.values():
            if isinstance(subscription, Feed) and subscription.topic in left_out:
                _report(subscription, NOT_TRIED)
            else:
                self._subscribe(subscription)
        self._attached_listener().on_up()

    def _on_failed(self, data: mqtt5.LifecycleConnectFailureData) -> None:
        self._down(Answer(Verdict.RETRY, self._explain(data)), Ending.OTHER)

    def _on_disconnected(self, data: mqtt5.LifecycleDisconnectData) -> None:
        if data.disconnect_packet is not None:
            code = data.disconnect_packet.reason_code
            if code is None:  # a code unknown to the SDK
                code = mqtt5.DisconnectReasonCode.UNSPECIFIED_ERROR
            answer = mqtt_errors.disconnect_answer(code.value, code.name)
            self._down(answer, mqtt_errors.disconnect_ending(code.value))
        else:
            name, message = name_and_message(data.exception)
            self._down(mqtt_errors.end_answer(name, message), mqtt_errors.hangup_ending(name))

    def _on_stopped(self, _data: mqtt5.LifecycleStoppedData) -> None:
        self._stopped.set()

    def _down(self, answer: Answer, ending: Ending) -> None:
        """Answer all open publishes; the SDK would leave them pending until the next connect."""
        if self._connected and answer.verdict is not Verdict.SUSPECT:
            self._unanswered.clear()  # the subscriptions were not the cause
        self._connected = False
        if self._stopping:
            return
        tickets = list(self._pending)
        self._pending.clear()
        listener = self._attached_listener()
        listener.on_down(answer.reason, ending)
        for ticket in tickets:
            listener.on_answer(ticket, answer)

    def _on_published(self, send: _Send, future: Any) -> None:
        if self._stopping or self._pending.get(send.ticket) is not send:
            return  # answered already, when the connection broke
        del self._pending[send.ticket]
        self._attached_listener().on_answer(send.ticket, _answer(future, self._topic))

    def _subscribe(self, subscription: Subscription) -> None:
        packet = mqtt5.SubscribePacket(
            [mqtt5.Subscription(topic_filter=subscription.topic, qos=_qos(subscription))]
        )
        future = self._unanswered[subscription.topic] = self._client.subscribe(packet)
        future.add_done_callback(self._from_sdk(partial(self._on_subscribed, subscription)))

    def _on_subscribed(self, subscription: Subscription, future: Future[Any]) -> None:
        if not self._connected or self._unanswered.get(subscription.topic) is not future:
            return  # its connection has ended
        error = future.exception()
        if error is not None:
            _report(subscription, mqtt_errors.explain(*name_and_message(error)))
            return
        del self._unanswered[subscription.topic]
        code = future.result().reason_codes[0]
        if code is None:  # a code unknown to the SDK
            code = mqtt5.SubackReasonCode.UNSPECIFIED_ERROR
        is_granted = code.value <= mqtt5.SubackReasonCode.GRANTED_QOS_2.value
        _report(subscription, None if is_granted else mqtt_errors.words(code.name))

    def _on_received(self, data: mqtt5.PublishReceivedData) -> None:
        packet = data.publish_packet
        match self._subscriptions.get(packet.topic):
            case Feed() as feed:
                feed.take(bytes(packet.payload or b""))
            case Commands() as commands:
                handling = self._loop.create_task(self._answer_command(commands, packet))
                self._handling.add(handling)
                handling.add_done_callback(self._handling.discard)

    async def _answer_command(self, commands: Commands, command: mqtt5.PublishPacket) -> None:
        response = await commands.handle(bytes(command.payload or b""))
        topic = command.response_topic
        if topic is None:
            return
        expected = f"{commands.topic}/…"
        if not re.fullmatch(rf"{re.escape(commands.topic)}/[\w-]{{1,64}}", topic, re.ASCII):
            # IoT Core ends the connection on a publish to a topic that it or the policy forbids.
            log.warning(
                "response to a race command not sent: unexpected response topic",
                response_topic=topic,
                expected=expected,
            )
            return
        self._client.publish(
            mqtt5.PublishPacket(
                topic=topic,
                payload=response,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                correlation_data_bytes=command.correlation_data_bytes,
            )
        )

    def _attached_listener(self) -> UplinkListener:
        assert self._listener is not None
        return self._listener


def _qos(subscription: Subscription) -> mqtt5.QoS:
    is_feed = isinstance(subscription, Feed)
    return mqtt5.QoS.AT_MOST_ONCE if is_feed else mqtt5.QoS.AT_LEAST_ONCE


def _report(subscription: Subscription, refusal: str | None) -> None:
    if refusal is not None:
        log.error("cannot subscribe", topic=subscription.topic, reason=refusal)
    subscription.on_subscribed(refusal)


def _answer(future: Any, topic: str) -> Answer:
    error = future.exception()
    if error is not None:
        return mqtt_errors.failure_answer(*name_and_message(error))
    code = future.result().puback.reason_code
    if code is None:  # a code unknown to the SDK
        code = mqtt5.PubackReasonCode.UNSPECIFIED_ERROR
    return mqtt_errors.puback_answer(code.value, code.name, topic)
