"""Subscriptions of one connection: which are made, what the broker answers, and when to retry."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from random import Random
from typing import Any

import structlog
from awscrt import mqtt5

from gateway.cloud import mqtt_errors
from gateway.cloud.connack import UNREADABLE
from gateway.cloud.iot_client import call_when_overdue, name_and_message
from gateway.cloud.uplink import Commands, Feed, Subscription
from gateway.timing.backoff import Backoff

#: The first and the longest wait, in seconds, before a refused subscription is tried again.
RETRY_FIRST_S, RETRY_MAX_S = 10.0, 600.0
#: The reason why a Feed is left out of a connection at first. IoT Core ends the connection on a
#: SUBSCRIBE that the policy forbids: without a pause, nothing would be published any more.
NOT_TRIED = "the broker ended the last connection when the gateway subscribed"

#: Returns a callback for awscrt's thread that runs a function on the event loop.
FromSdk = Callable[[Callable[[Any], None]], Callable[[Any], None]]

log = structlog.get_logger()


class Subscriptions:
    """The subscriptions that an Uplink makes on each of its connections."""

    def __init__(self, from_sdk: FromSdk) -> None:
        self._from_sdk = from_sdk
        self._loop = asyncio.get_running_loop()
        #: None while there is no connection.
        self._client: mqtt5.Client | None = None
        #: By topic.
        self._all: dict[str, Subscription] = {}
        #: The subscriptions without an answer, by topic: of this connection, else of the last one.
        self._unanswered: dict[str, Future[Any]] = {}
        #: Why the broker refuses a subscription, by topic.
        self.refusals: dict[str, str] = {}
        #: By topic: the waits before refused subscriptions are tried again, and their timers.
        self._backoffs: dict[str, Backoff] = {}
        self._retries: dict[str, asyncio.TimerHandle] = {}

    def add(self, subscription: Subscription) -> None:
        self._all[subscription.topic] = subscription
        waits = Backoff(Random(), first_s=RETRY_FIRST_S, max_s=RETRY_MAX_S)
        self._backoffs[subscription.topic] = waits

    def of(self, topic: str) -> Subscription | None:
        return self._all.get(topic)

    def begin(self, client: mqtt5.Client) -> None:
        """Subscribe on a new connection, except to a Feed that may have ended the last one."""
        self._client = client
        left_out, self._unanswered = self._unanswered, {}
        for subscription in self._all.values():
            if subscription.topic in left_out:
                self._refused(subscription, NOT_TRIED)
            if isinstance(subscription, Commands) or subscription.topic not in left_out:
                self._subscribe(client, subscription)

    def end(self, *, may_be_cause: bool) -> None:
        """Record the end of the connection, and whether a subscription may have been the cause."""
        if self._client is not None and not may_be_cause:
            self._unanswered.clear()
        self._client = None

    def _subscribe(self, client: mqtt5.Client, subscription: Subscription) -> None:
        packet = mqtt5.SubscribePacket(
            [mqtt5.Subscription(topic_filter=subscription.topic, qos=_qos(subscription))]
        )
        future = self._unanswered[subscription.topic] = client.subscribe(packet)
        future.add_done_callback(self._from_sdk(partial(self._on_subscribed, subscription)))
        call_when_overdue(partial(self._on_subscribed, subscription, future))

    def _on_subscribed(self, subscription: Subscription, future: Future[Any]) -> None:
        if self._client is None or self._unanswered.get(subscription.topic) is not future:
            return  # its connection has ended
        if future.done() and (error := future.exception()) is not None:
            self._refused(subscription, mqtt_errors.explain(*name_and_message(error)))
            return
        del self._unanswered[subscription.topic]
        refusal = _refusal(future)
        if refusal is None:
            self._granted(subscription)
        else:
            self._refused(subscription, refusal)

    def _granted(self, subscription: Subscription) -> None:
        if self.refusals.pop(subscription.topic, None) is not None:
            log.info("subscribed", topic=subscription.topic)
        self._backoffs[subscription.topic].reset()
        subscription.on_subscribed(None)

    def _refused(self, subscription: Subscription, reason: str) -> None:
        """Report a refusal, and try again later: the policy may be corrected meanwhile."""
        topic = subscription.topic
        if self.refusals.get(topic) != reason:
            log.error("cannot subscribe", topic=topic, reason=reason)
        self.refusals[topic] = reason
        subscription.on_subscribed(reason)
        if (waiting := self._retries.pop(topic, None)) is not None:
            waiting.cancel()
        wait_s = self._backoffs[topic].next_s()
        self._retries[topic] = self._loop.call_later(wait_s, self._retry, subscription)

    def _retry(self, subscription: Subscription) -> None:
        if self._client is not None and subscription.topic in self.refusals:
            self._subscribe(self._client, subscription)


def _refusal(future: Future[Any]) -> str | None:
    """Return why the broker refuses a subscription; None if it does not."""
    if not future.done():
        return str(UNREADABLE)
    code = future.result().reason_codes[0]
    if code is None:  # a code unknown to the SDK
        code = mqtt5.SubackReasonCode.UNSPECIFIED_ERROR
    is_granted = code.value <= mqtt5.SubackReasonCode.GRANTED_QOS_2.value
    return None if is_granted else mqtt_errors.words(code.name)


def _qos(subscription: Subscription) -> mqtt5.QoS:
    is_feed = isinstance(subscription, Feed)
    return mqtt5.QoS.AT_MOST_ONCE if is_feed else mqtt5.QoS.AT_LEAST_ONCE
