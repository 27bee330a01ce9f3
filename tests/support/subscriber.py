"""An MQTT 5 subscriber that keeps every payload in order."""

import threading
import time
from collections.abc import Callable
from typing import Any

from gateway.telemetry.message import Telemetry, telemetry_from_json
from tests.support.mosquitto import Credentials
from tests.support.mqtt_client import TIMEOUT_S, connected_client


class Subscriber:
    """A subscriber connected directly to the broker: a gateway's outage does not affect it."""

    def __init__(
        self,
        port: int,
        credentials: Credentials,
        topic: str = "alleycat-publish",
        client_id: str = "subscriber",
    ):
        self._arrived = threading.Condition()
        self._payloads: list[bytes] = []
        self._client = connected_client(port, credentials, client_id, topic, self._on_publish)

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
        """Block until `enough(messages)`; fail the test after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while True:
                messages = [telemetry_from_json(payload) for payload in self._payloads]
                if enough(messages):
                    return messages
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"not enough after {timeout_s} s: {len(messages)} messages"
                self._arrived.wait(left_s)

    def wait_for_payloads(self, number: int, timeout_s: float = TIMEOUT_S) -> None:
        """Block until so many have arrived; fail the test after `timeout_s`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self._payloads) >= number, timeout_s)

    def stop(self) -> None:
        self._client.stop()

    def _on_publish(self, data: Any) -> None:
        with self._arrived:
            self._payloads.append(bytes(data.publish_packet.payload))
            self._arrived.notify_all()
