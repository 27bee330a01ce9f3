"""The check of the endpoint: name, network, mutual TLS, and the broker's permissions."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

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
from gateway.config.schema import CloudConfig, Config, is_this_machine
from gateway.race.commands import command_topic, refuse
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "endpoint"
CLOUD = "cloud"
TOPIC = "topic"
#: Seconds for each step of connecting, and for each answer of the broker.
STEP_S = 10.0
#: The payload of the test message.
PROBE = b'{"check":true}'
#: IoT Core requires this ALPN name for MQTT with certificates on port 443.
ALPN_PORT, ALPN = 443, "x-amzn-mqtt-ca"

_NETWORK = (
    "check that cloud.endpoint is spelled correctly, and that this computer is online (`ip route`, "
    "`resolvectl status`)"
)
_NO_BROKER = (
    "start the broker on this machine; or, to use a cloud, run: sudo alleycat-gateway setup"
)
_FIREWALL = "a firewall may block port {port}: try port = 443, which AWS IoT Core supports as well"
_FIREWALL_443 = "a firewall may block port 443: check that this network allows outgoing TLS"
_POLICY = (
    "in AWS IoT, check that the certificate is active and attached to the thing, and that its "
    "policy allows iot:Connect for client/{thing}"
)
_BROKER = "check that the broker on this machine allows {thing} to connect"
_BROKER_PUBLISH = "check that the broker on this machine allows {thing} to publish to {topic}"
_BROKER_SUBSCRIBE = "check that the broker on this machine allows {thing} to subscribe to {topic}"
_PUBLISH = (
    "the thing's policy must allow iot:Publish for topic/{topic}, as the policy in "
    "config/aws/template.yaml does"
)
_NO_TELEMETRY = (
    "Publishing to {topic} was not tested, because each message there becomes part of a race"
)
_HANDSHAKE = (
    "check that this port serves MQTT over TLS, and that the broker accepts this gateway's "
    "certificate"
)
_SUBSCRIBE = "the thing's policy must allow iot:Subscribe and iot:Receive for {topic}"

#: The errors among OpenSSL's X509_V_ERR_… that have a remedy.
_NOT_YET_VALID, _EXPIRED = 9, 10
_CLOCK = (
    "check the clock with `timedatectl`; if the clock is right, the broker needs a new certificate"
)
_WRONG_CA = (
    "cloud.ca_file must contain the CA of the broker's certificate; for AWS, remove that key: this "
    "computer knows Amazon's CAs"
)
_UNKNOWN_CA = (
    "for AWS, install the public CAs: sudo apt install ca-certificates; for a broker of your own, "
    "set cloud.ca_file to the certificate of its CA"
)
_WRONG_NAME = "cloud.endpoint must be the name in the broker's certificate"


def probe_topic(thing_name: str) -> str:
    """Return the topic of the test message: the thing may publish to it, and no rule selects it."""
    return f"{command_topic(thing_name)}/check"


async def check_endpoint(
    config: Config, *, publish: bool = False, step_s: float = STEP_S
) -> list[Finding]:
    """Connect as the thing, which disconnects a gateway that runs under the same name.

    `publish` also sends a message, but not to the topic of the telemetry: the rule there forwards
    everything, so that a valid message would be listed as a race, and another one would stop the
    backend's consumers.
    """
    reached = await _reach(config.cloud, step_s)
    if reached.state != "ok":
        return [reached]
    try:
        return [reached, *await _log_in(config, step_s, publish=publish)]
    except CredentialsError as error:
        return [reached, failed(CLOUD, str(error))]


async def _reach(cloud: CloudConfig, step_s: float) -> Finding:
    """Try a TLS handshake. With TLS 1.3 a refusal of our certificate only arrives after it."""
    where = f"{cloud.endpoint}:{cloud.port}"
    try:
        context = None if cloud.plaintext else _tls(cloud)
        async with asyncio.timeout(step_s):
            _, writer = await asyncio.open_connection(cloud.endpoint, cloud.port, ssl=context)
    except socket.gaierror as error:
        return failed(NAME, f"{cloud.endpoint}: name not resolved: {error.strerror}", _NETWORK)
    except ssl.SSLCertVerificationError as error:
        what = f"{where}: {error.verify_message}"
        return failed(NAME, what, _certificate_remedy(error, cloud))
    except TimeoutError:
        remedy = _FIREWALL_443 if cloud.port == ALPN_PORT else _FIREWALL.format(port=cloud.port)
        return failed(NAME, f"{where}: no answer", remedy)
    except ssl.SSLError as error:
        what = f"{where}: TLS handshake failed: {error.reason or error}"
        return failed(NAME, what, _HANDSHAKE)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        remedy = _NO_BROKER if is_this_machine(cloud.endpoint) else _NETWORK
        return failed(NAME, f"{where}: {reason}", remedy)
    tls = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return ok(NAME, f"{where} answers {'without TLS' if tls is None else f'with {tls.version()}'}")


def _tls(cloud: CloudConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=cloud.ca_file)
    # From Python 3.13 on, it would refuse certificates that the daemon's own TLS accepts.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    assert cloud.certificate_file is not None
    context.load_cert_chain(cloud.certificate_file, cloud.private_key_file, password="")
    if cloud.port == ALPN_PORT:
        context.set_alpn_protocols([ALPN])
    return context


def _certificate_remedy(error: ssl.SSLCertVerificationError, cloud: CloudConfig) -> str:
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED):
        return _CLOCK
    if "match" in error.verify_message:
        return _WRONG_NAME
    return _UNKNOWN_CA if cloud.ca_file is None else _WRONG_CA


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


async def _log_in(config: Config, step_s: float, *, publish: bool) -> list[Finding]:
    """Connect as the thing; try the daemon's requests. Raises CredentialsError."""
    answers = _Outcomes()
    probed = probe_topic(config.thing_name)
    # An Uplink publishes to a single topic.
    uplink = IotCore(config.cloud.model_copy(update={"topic": probed}), config.thing_name)
    for subscription in _subscriptions(config, answers):
        uplink.subscribe(subscription)
    uplink.start(answers)
    try:
        refusal = await _within(answers.connected, "no answer in time", step_s)
        findings = [_connected(config, refusal, will_publish=publish)]
        if findings[0].state == "ok":
            findings += await _check_subscriptions(config, answers, step_s)
        if findings[0].state == "ok" and publish:
            uplink.publish(1, PROBE)
            late = Answer(Verdict.RETRY, "no answer in time")
            answer = await _within(answers.published, late, step_s)
            findings.append(_published(config, probed, answer))
    finally:
        await uplink.stop()
    return findings


def _subscriptions(config: Config, answers: _Outcomes) -> Iterator[Subscription]:
    if config.race.mode == "remote":
        yield Commands(command_topic(config.thing_name), answers.handle, answers.on_subscribed)
    if config.cloud.results_topic is not None:
        yield Feed(config.cloud.results_topic, answers.take, answers.on_followed)


async def _check_subscriptions(config: Config, answers: _Outcomes, step_s: float) -> list[Finding]:
    findings = []
    if config.race.mode == "remote":
        refusal = await _within(answers.subscribed, "no answer in time", step_s)
        findings.append(_subscribed(config, command_topic(config.thing_name), refusal))
    if config.cloud.results_topic is not None:
        refusal = await _within(answers.followed, "no answer in time", step_s)
        findings.append(_followed(config, config.cloud.results_topic, refusal))
    return findings


async def _within(future: asyncio.Future[Value], late: Value, step_s: float) -> Value:
    try:
        async with asyncio.timeout(step_s):
            return await future
    except TimeoutError:
        return late


def _connected(config: Config, refusal: str | None, *, will_publish: bool) -> Finding:
    """Report on the connection, which does not prove the permission to publish."""
    if refusal is not None:
        remedy = _BROKER if config.cloud.plaintext else _POLICY
        return failed(CLOUD, refusal, remedy.format(thing=config.thing_name))
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
