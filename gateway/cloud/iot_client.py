"""An awscrt MQTT 5 client configured for AWS IoT Core, and its errors in words."""

from typing import Any

from awscrt import exceptions, mqtt5
from awscrt.http import HttpProxyConnectionType, HttpProxyOptions
from awsiot import mqtt5_client_builder

from gateway.cloud import mqtt_errors
from gateway.cloud.credentials import Credentials, credentials_error
from gateway.cloud.tunnel import Tunnel
from gateway.config.cloud import CloudConfig

KEEP_ALIVE_S = 30
PING_TIMEOUT_MS = 10_000
ACK_TIMEOUT_S = 20
CONNACK_TIMEOUT_MS = 10_000
MIN_RECONNECT_MS = 1_000
#: A connection that lasts this long resets the reconnect back-off.
MIN_CONNECTED_MS = 30_000


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
        raise credentials_error(cloud, reason) from error


def explain_failure(data: mqtt5.LifecycleConnectFailureData) -> str:
    """Return in words why the client could not connect with its certificate."""
    error = name_and_message(data.exception)
    return _refusal(data) or mqtt_errors.explain_failed_connect(*error)


def explain_plaintext_failure(data: mqtt5.LifecycleConnectFailureData) -> str:
    """Return in words why the client could not connect without a certificate."""
    return _refusal(data) or mqtt_errors.explain(*name_and_message(data.exception))


def _refusal(data: mqtt5.LifecycleConnectFailureData) -> str | None:
    """Return the broker's own reason; None if it gave none."""
    if data.connack_packet is None:
        return None
    # reason_code is None for a code that the SDK does not know.
    code = data.connack_packet.reason_code or mqtt5.ConnectReasonCode.UNSPECIFIED_ERROR
    return f"the broker refused the client: {mqtt_errors.words(code.name)}"


def name_and_message(error: BaseException | None) -> tuple[str, str]:
    """Return awscrt's name of the error (empty for other errors) and its message."""
    if isinstance(error, exceptions.AwsCrtError):
        return error.name, error.message
    return "", str(error) or type(error).__name__


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
