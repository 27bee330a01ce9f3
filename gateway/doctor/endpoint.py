"""The check of the endpoint: name, network, mutual TLS, and the broker's permissions."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.cloud.connack import permission_remedy
from gateway.cloud.diagnosis import diagnose
from gateway.cloud.iot_core import IotCore
from gateway.cloud.uplink import (
    Answer,
    Commands,
    CredentialsError,
    Ending,
    Feed,
    Subscription,
    Verdict,
)
from gateway.config.schema import Config
from gateway.race.commands import command_topic, refuse
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "endpoint"
CLOUD = "cloud"
TOPIC = "topic"
#: Seconds within which connecting succeeds or fails, also if each address family is tried in turn.
CONNECT_S = 60.0
#: Seconds for each answer of the broker.
STEP_S = 10.0
#: The outcome of a step that did not end.
LATE = "no answer in time"
#: The payload of the test message.
PROBE = b'{"check":true}'

_BROKER_PUBLISH = "check that the broker on this computer allows {thing} to publish to {topic}"
_BROKER_SUBSCRIBE = "check that the broker on this computer allows {thing} to subscribe to {topic}"
_PUBLISH = (
    "the thing's policy must allow iot:Publish for topic/{topic}, as the policy in "
    "config/aws/template.yaml does"
)
_NO_TELEMETRY = (
    "Publishing to {topic} was not tested, because each message there becomes part of a race"
)
_SUBSCRIBE = "the thing's policy must allow iot:Subscribe and iot:Receive for {topic}"


def probe_topic(thing_name: str) -> str:
    """Return the topic of the test message: the thing may publish to it, and no rule selects it."""
    return f"{command_topic(thing_name)}/check"


async def check_endpoint(
    config: Config,
    *,
    publish: bool = False,
    connect_s: float = CONNECT_S,
    step_s: float = STEP_S,
) -> list[Finding]:
    """Connect as the thing, which disconnects a gateway that runs under the same name.

    The daemon's own client connects, so that both find the same.
    `publish` also sends a message, but not to the topic of the telemetry: the rule there forwards
    everything, so that a valid message would be listed as a race, and another one would stop the
    backend's consumers.
    """
    answers = _Outcomes()
    probed = probe_topic(config.thing_name)
    try:
        # An Uplink publishes to a single topic.
        uplink = IotCore(config.cloud.model_copy(update={"topic": probed}), config.thing_name)
    except CredentialsError as error:
        return [failed(CLOUD, str(error))]
    for subscription in _subscriptions(config, answers):
        uplink.subscribe(subscription)
    uplink.start(answers)
    try:
        refusal = await _within(answers.connected, LATE, connect_s)
        findings = await _connected(config, uplink, refusal, step_s, will_publish=publish)
        is_connected = findings[-1].state == "ok"
        if is_connected:
            findings += await _check_subscriptions(config, answers, step_s)
        if is_connected and publish:
            uplink.publish(1, PROBE)
            answer = await _within(answers.published, Answer(Verdict.RETRY, LATE), step_s)
            findings.append(_published(config, probed, answer))
    finally:
        await uplink.stop()
    return findings


async def _connected(
    config: Config, uplink: IotCore, refusal: str | None, step_s: float, *, will_publish: bool
) -> list[Finding]:
    """Report on the way to the endpoint; if that is well, on what the broker answered."""
    cloud = config.cloud
    found = None if refusal is None else uplink.diagnosis
    if refusal == LATE:
        found = await diagnose(cloud, cloud.address_family, step_s)
    if found is not None and not found.is_refusal:
        return [failed(NAME, found.what, found.remedy)]
    way = f" through the proxy {cloud.proxy_address}" if cloud.proxy else ""
    where = f"{cloud.endpoint}:{cloud.port} answers {'without' if cloud.plaintext else 'with'} TLS"
    reached = ok(NAME, where + way)
    if found is not None:
        return [reached, failed(CLOUD, found.what, found.remedy)]
    return [reached, _accepted(config, refusal, will_publish=will_publish)]


Value = TypeVar("Value")


@dataclass(slots=True)
class _Outcomes:
    """An UplinkListener that makes each answer a future. A `str` is the reason of a refusal."""

    connected: asyncio.Future[str | None] = field(default_factory=asyncio.Future)
    subscribed: asyncio.Future[str | None] = field(default_factory=asyncio.Future)
    followed: asyncio.Future[str | None] = field(default_factory=asyncio.Future)
    published: asyncio.Future[Answer] = field(default_factory=asyncio.Future)

    def on_up(self) -> None:
        _settle(self.connected, None)

    def on_down(self, reason: str, ending: Ending) -> None:
        _settle(self.connected, reason)
        _settle(self.subscribed, reason)
        _settle(self.followed, reason)

    def on_answer(self, ticket: int, answer: Answer) -> None:
        _settle(self.published, answer)

    def on_subscribed(self, refusal: str | None) -> None:
        _settle(self.subscribed, refusal)

    def on_followed(self, refusal: str | None) -> None:
        _settle(self.followed, refusal)

    def take(self, results: bytes) -> None:
        """Ignore results: the subscription alone is checked."""

    async def handle(self, command: bytes) -> bytes:
        return refuse("the gateway is not running: `check` is testing its connection").to_json()


def _settle(future: asyncio.Future[Value], value: Value) -> None:
    if not future.done():
        future.set_result(value)


def _subscriptions(config: Config, answers: _Outcomes) -> Iterator[Subscription]:
    if config.race.mode == "remote":
        yield Commands(command_topic(config.thing_name), answers.handle, answers.on_subscribed)
    if config.cloud.results_topic is not None:
        yield Feed(config.cloud.results_topic, answers.take, answers.on_followed)


async def _check_subscriptions(config: Config, answers: _Outcomes, step_s: float) -> list[Finding]:
    findings = []
    if config.race.mode == "remote":
        refusal = await _within(answers.subscribed, LATE, step_s)
        findings.append(_subscribed(config, command_topic(config.thing_name), refusal))
    if config.cloud.results_topic is not None:
        refusal = await _within(answers.followed, LATE, step_s)
        findings.append(_followed(config, config.cloud.results_topic, refusal))
    return findings


async def _within(future: asyncio.Future[Value], late: Value, step_s: float) -> Value:
    try:
        async with asyncio.timeout(step_s):
            return await future
    except TimeoutError:
        return late


def _accepted(config: Config, refusal: str | None, *, will_publish: bool) -> Finding:
    """Report on the connection, which does not prove the permission to publish."""
    if refusal is not None:
        return failed(CLOUD, refusal, permission_remedy(config.cloud, config.thing_name))
    what = f"the broker accepts {config.thing_name}"
    if will_publish:
        return ok(CLOUD, what)
    untested = _NO_TELEMETRY.format(topic=config.cloud.topic)
    return ok(CLOUD, f"{what}. {untested}; to test another topic, add --publish")


def _subscribed(config: Config, topic: str, refusal: str | None) -> Finding:
    if refusal is not None:
        what = f"cannot subscribe to race commands on {topic}: {refusal}"
        return failed(TOPIC, what, _subscribe_remedy(config, topic))
    return ok(TOPIC, f"subscribed to race commands on {topic}")


def _followed(config: Config, topic: str, refusal: str | None) -> Finding:
    if refusal is not None:
        what = f"cannot subscribe to results on {topic}: {refusal}. There will be no ranks"
        return warning(TOPIC, what, _subscribe_remedy(config, topic))
    return ok(TOPIC, f"subscribed to results on {topic}")


def _subscribe_remedy(config: Config, topic: str) -> str:
    remedy = _BROKER_SUBSCRIBE if config.cloud.plaintext else _SUBSCRIBE
    return remedy.format(thing=config.thing_name, topic=topic)


def _published(config: Config, topic: str, answer: Answer) -> Finding:
    if answer.verdict is not Verdict.ACCEPTED:
        what = f"a message to {topic} was not accepted: {answer.reason}"
        remedy = _BROKER_PUBLISH if config.cloud.plaintext else _PUBLISH
        return failed(TOPIC, what, remedy.format(thing=config.thing_name, topic=topic))
    untested = _NO_TELEMETRY.format(topic=config.cloud.topic)
    return ok(
        TOPIC,
        f"a message to {topic} was accepted. {untested}; during the first race, `alleycat-gateway "
        f"status` shows whether the broker accepts messages to {config.cloud.topic}",
    )
