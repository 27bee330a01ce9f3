"""An MQTT 5 client for tests, over mutual TLS."""

import threading
from collections.abc import Callable
from typing import Any

from awscrt import mqtt5
from awsiot import mqtt5_client_builder

from tests.support.mosquitto import Credentials

TIMEOUT_S = 30.0


def connected_client(
    port: int,
    credentials: Credentials,
    name: str,
    topic_filter: str,
    on_publish: Callable[[Any], None],
) -> mqtt5.Client:
    """Return a client, connected and subscribed; `on_publish` runs on awscrt's thread."""
    connected = threading.Event()
    client = mqtt5_client_builder.mtls_from_path(
        str(credentials.certificate_file),
        str(credentials.private_key_file),
        ca_filepath=str(credentials.ca_file),
        endpoint="127.0.0.1",
        port=port,
        client_id=f"{name}-{port}",
        on_publish_received=on_publish,
        on_lifecycle_connection_success=lambda _: connected.set(),
    )
    client.start()
    assert connected.wait(TIMEOUT_S), f"{name} cannot connect"
    subscription = mqtt5.Subscription(topic_filter, mqtt5.QoS.AT_LEAST_ONCE)
    client.subscribe(mqtt5.SubscribePacket([subscription])).result(TIMEOUT_S)
    return client
