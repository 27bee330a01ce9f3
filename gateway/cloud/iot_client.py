"""An awscrt MQTT 5 client configured for AWS IoT Core, and its errors in words."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from awscrt import exceptions, mqtt5
from awscrt.http import HttpProxyConnectionType, HttpProxyOptions
from awsiot import mqtt5_client_builder

from gateway.cloud import mqtt_errors
from gateway.cloud.connack import UNREADABLE
from gateway.cloud.credentials import Credentials
from gateway.cloud.tunnel import Tunnel
from gateway.cloud.uplink import Answer, CredentialsError, Ending, Verdict
from gateway.cloud.way import Family
from gateway.config.cloud import CloudConfig
from gateway.config.pem import KEYS

#: The shortest keep-alive of IoT Core, which uses it in place of a shorter one.
KEEP_ALIVE_S = 30
PING_TIMEOUT_MS = 10_000
#: Linux sends a lost packet again after 0.2 s, and then after twice as long each time: what is not
#: acknowledged after 13 s is not sent again before 26 s, and a new connection is quicker.
ACK_TIMEOUT_S = 15
#: The longest delay until a time-out is reported, in seconds.
REPORT_S = 2
CONNACK_TIMEOUT_MS = 10_000
MIN_RECONNECT_MS = 1_000
#: A connection that lasts this long resets the reconnect back-off.
MIN_CONNECTED_MS = 30_000
#: Seconds for the end of a connection.
STOP_TIMEOUT_S = 2.0


@dataclass(eq=False, slots=True)
class Link:
    """One client, which keeps the files and the way that it was built with."""

    family: Family
    tunnel: Tunnel | None
    client: mqtt5.Client = field(init=False)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def end(self) -> None:
        """Disconnect; what does not end in time is left to itself."""
        self.client.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.stopped.wait()
        if self.tunnel is not None:
            await asyncio.to_thread(self.tunnel.close)


def build_client(
    cloud: CloudConfig,
    client_id: str,
    credentials: Credentials | None,
    tunnel: Tunnel | None = None,
    **callbacks: Any,
) -> mqtt5.Client:
    """Return a client that is not connected yet. `callbacks`: as in mqtt5.ClientOptions.

    `credentials`: None for a broker without TLS. Raises CredentialsError.
    """
    options = _options(cloud, client_id, callbacks)
    if tunnel is not None:
        options.http_proxy_options = HttpProxyOptions(
            "127.0.0.1", tunnel.port, connection_type=HttpProxyConnectionType.Tunneling
        )
    if credentials is None:
        return mqtt5.Client(options)
    try:
        return mqtt5_client_builder.mtls_from_bytes(
            cert_bytes=credentials.certificate,
            pri_key_bytes=credentials.key,
            # None: the SDK uses the system's trust store.
            ca_bytes=credentials.ca,
            endpoint=cloud.endpoint,
            client_options=options,
        )
    except (exceptions.AwsCrtError, RuntimeError) as error:
        reason = mqtt_errors.explain(*name_and_message(error))
        raise CredentialsError(
            f"cloud.certificate_file {cloud.certificate_file}: TLS does not support this kind of "
            f"key ({reason}); expected {KEYS}"
        ) from error


def explain_failure(data: mqtt5.LifecycleConnectFailureData) -> str:
    """Return in words why a client with a certificate could not connect, without an answer."""
    return mqtt_errors.explain_failed_connect(*name_and_message(data.exception))


def explain_plaintext_failure(data: mqtt5.LifecycleConnectFailureData) -> str:
    """Return in words why a client without a certificate could not connect, without an answer."""
    return mqtt_errors.explain(*name_and_message(data.exception))


def name_and_message(error: BaseException | None) -> tuple[str, str]:
    """Return awscrt's name of the error (empty for other errors) and its message."""
    if isinstance(error, exceptions.AwsCrtError):
        return error.name, error.message
    return "", str(error) or type(error).__name__


def end_of_connection(data: mqtt5.LifecycleDisconnectData) -> tuple[Answer, Ending]:
    """Return the answer to all open messages after the end of a connection, and who ended it."""
    if data.disconnect_packet is None:
        name, message = name_and_message(data.exception)
        return mqtt_errors.end_answer(name, message), mqtt_errors.hangup_ending(name)
    code = data.disconnect_packet.reason_code
    if code is None:  # a code unknown to the SDK
        code = mqtt5.DisconnectReasonCode.UNSPECIFIED_ERROR
    server = data.disconnect_packet.server_reference
    answer = mqtt_errors.disconnect_answer(code.value, code.name, server)
    return answer, mqtt_errors.disconnect_ending(code.value)


def call_when_overdue(give_up: Callable[[], None]) -> None:
    """Call `give_up` once the SDK should have reported the result of what is sent now.

    The SDK drops an answer that it cannot read, and then no time-out of its own ends the wait.
    After a pause of the process, it needs a moment to find out what has timed out: hence two steps.
    """
    loop = asyncio.get_running_loop()
    loop.call_later(ACK_TIMEOUT_S, loop.call_later, REPORT_S, give_up)


def publish_answer(future: Future[Any], topic: str) -> Answer:
    """Return the broker's answer to a message, from the SDK's result of publishing it.

    A result that is overdue is that of an answer which cannot be read.
    """
    if not future.done():
        return Answer(Verdict.REFUSED, str(UNREADABLE))
    error = future.exception()
    if error is not None:
        return mqtt_errors.failure_answer(*name_and_message(error))
    code = future.result().puback.reason_code
    if code is None:  # a code unknown to the SDK
        code = mqtt5.PubackReasonCode.UNSPECIFIED_ERROR
    return mqtt_errors.puback_answer(code.value, code.name, topic)


def _options(cloud: CloudConfig, client_id: str, callbacks: dict[str, Any]) -> mqtt5.ClientOptions:
    max_reconnect_ms = round(cloud.reconnect_max_s * 1000)
    return mqtt5.ClientOptions(
        host_name=cloud.endpoint,
        port=cloud.port,
        connect_options=mqtt5.ConnectPacket(
            client_id=client_id, keep_alive_interval_sec=KEEP_ALIVE_S
        ),
        ping_timeout_ms=PING_TIMEOUT_MS,
        connack_timeout_ms=CONNACK_TIMEOUT_MS,
        ack_timeout_sec=ACK_TIMEOUT_S,
        min_reconnect_delay_ms=min(MIN_RECONNECT_MS, max_reconnect_ms),
        max_reconnect_delay_ms=max_reconnect_ms,
        min_connected_time_to_reset_reconnect_delay_ms=MIN_CONNECTED_MS,
        retry_jitter_mode=mqtt5.ExponentialBackoffJitterMode.FULL,
        session_behavior=mqtt5.ClientSessionBehaviorType.CLEAN,
        offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
        # The publisher respects IoT Core's limits. The SDK's own pacing would delay every publish
        # by 10 ms and queue a live second behind backlog.
        extended_validation_and_flow_control_options=(
            mqtt5.ExtendedValidationAndFlowControlOptions.NONE
        ),
        **callbacks,
    )
