"""The original backend's side of results: its messages, and a client that publishes them."""

import json
from collections.abc import Mapping

from awscrt import mqtt5

from tests.support.mosquitto import Credentials
from tests.support.mqtt_client import TIMEOUT_S, connected_client

TOPIC = "alleycat-subscribe"


def results_message(
    race_id: int, outputs: Mapping[int, float | None], ts_ms: int = 1_795_247_503_000
) -> bytes:
    """Return the message that publishStreamFunction sends, with all values as strings."""
    results = json.dumps(
        {str(id_): output for id_, output in outputs.items()}, separators=(",", ":")
    )
    message = {
        "msg": "results",
        "classId": "3",
        "raceId": f"race-{race_id}",
        "ts": str(ts_ms),
        "results": results,
    }
    return json.dumps(message, separators=(",", ":")).encode()


class ResultsBackend:
    """A backend that publishes results."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._client = connected_client(port, credentials, "results", "nothing", lambda _: None)

    def publish(self, payload: bytes) -> None:
        """Publish at QoS 0, as the original backend does."""
        packet = mqtt5.PublishPacket(topic=TOPIC, payload=payload, qos=mqtt5.QoS.AT_MOST_ONCE)
        self._client.publish(packet).result(TIMEOUT_S)

    def stop(self) -> None:
        self._client.stop()
