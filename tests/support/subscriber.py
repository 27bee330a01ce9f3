"""What arrived at the broker: an MQTT 5 subscriber that keeps every payload in order."""

import threading
import time
from collections.abc import Callable
from typing import Any

from awscrt import mqtt5
from awsiot import mqtt5_client_builder

from gateway.telemetry import Telemetry, telemetry_from_json
from tests.support.mosquitto import Credentials

TIMEOUT_S = 30.0


class Subscriber:
    """Connected straight to the broker, so that an outage of the gateway's line is not its own."""

    def __init__(self, port: int, credentials: Credentials, topic: str = "alleycat-publish"):
        self._arrived = threading.Condition()
        self._payloads: list[bytes] = []
        connected = threading.Event()
        self._client = mqtt5_client_builder.mtls_from_path(
            str(credentials.certificate_file),
            str(credentials.private_key_file),
            ca_filepath=str(credentials.ca_file),
            endpoint="127.0.0.1",
            port=port,
            client_id=f"subscriber-{port}",
            on_publish_received=self._on_publish,
            on_lifecycle_connection_success=lambda _: connected.set(),
        )
        self._client.start()
        assert connected.wait(TIMEOUT_S), "subscriber cannot connect"
        subscription = mqtt5.Subscription(topic_filter=topic, qos=mqtt5.QoS.AT_LEAST_ONCE)
        packet = mqtt5.SubscribePacket(subscriptions=[subscription])
        self._client.subscribe(packet).result(TIMEOUT_S)

    @property
    def payloads(self) -> list[bytes]:
        with self._arrived:
            return list(self._payloads)

    @property
    def messages(self) -> list[Telemetry]:
        return [telemetry_from_json(payload) for payload in self.payloads]

    def wait_for(
        self, enough: Callable[[list[Telemetry]], bool], timeout_s: float = TIMEOUT_S
    ) -> list[Telemetry]:
        """Block until `enough` of what has arrived; fails the test after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while True:
                messages = [telemetry_from_json(payload) for payload in self._payloads]
                if enough(messages):
                    return messages
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"not enough after {timeout_s} s: {len(messages)} messages"
                self._arrived.wait(left_s)

    def stop(self) -> None:
        self._client.stop()

    def _on_publish(self, data: Any) -> None:
        with self._arrived:
            self._payloads.append(bytes(data.publish_packet.payload))
            self._arrived.notify_all()
