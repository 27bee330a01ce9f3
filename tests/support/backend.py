"""The backend's side of race commands: sends them over MQTT 5 and waits for the responses."""

import itertools
import json
import queue
from typing import Any

from awscrt import mqtt5

from tests.support.mosquitto import Credentials
from tests.support.mqtt_client import TIMEOUT_S, connected_client


class Backend:
    """A backend that commands one gateway. `response_topic`: the topic for its responses.

    `retains`: whether the broker keeps its commands.
    """

    def __init__(self, port: int, credentials: Credentials, thing_name: str) -> None:
        self._topic = f"alleycat/gateways/{thing_name}/race"
        self.response_topic = f"{self._topic}/response"
        self.retains = False
        self._responses: queue.Queue[tuple[bytes, dict[str, Any]]] = queue.Queue()
        self._numbers = itertools.count(1)
        self._client = connected_client(
            port, credentials, "backend", f"{self._topic}/+", self._on_response
        )

    def send(self, command: bytes) -> bytes:
        """Publish a command; return its correlation data."""
        correlation = b"question-%d" % next(self._numbers)
        packet = mqtt5.PublishPacket(
            topic=self._topic,
            payload=command,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain=self.retains,
            response_topic=self.response_topic,
            correlation_data_bytes=correlation,
        )
        self._client.publish(packet).result(TIMEOUT_S)
        return correlation

    def ask(self, command: bytes) -> dict[str, Any]:
        """Send a command; return its response, which must be the next to arrive."""
        correlation = self.send(command)
        answered, response = self._responses.get(timeout=TIMEOUT_S)
        assert answered == correlation
        return response

    @property
    def unread(self) -> int:
        """The number of responses that `ask` has not returned."""
        return self._responses.qsize()

    def stop(self) -> None:
        self._client.stop()

    def _on_response(self, data: Any) -> None:
        packet = data.publish_packet
        self._responses.put((bytes(packet.correlation_data_bytes), json.loads(packet.payload)))
