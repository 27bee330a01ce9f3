"""IoT Core on this computer: rumqttd, from the iotcore wheel, in its own child process.

It serves plaintext MQTT on loopback only. The child exits with the demo, even if the demo is
killed: it reads its standard input, which closes with this process.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import iotcore

from gateway.simulation.extra import LOOPBACK

#: rumqttd keeps published messages in memory for its subscribers: at most 100 MiB.
#: The limits on payload size and messages in flight are IoT Core's, per connection.
_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
"""

_LISTENER = """
[{protocol}.1]
name = "{protocol}"
listen = "{address}"
next_connection_delay_ms = 1

[{protocol}.1.connections]
connection_timeout_ms = 5000
max_payload_size = 131072
max_inflight_count = 100
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """The ports of a broker: two listeners that share their topics."""

    mqtt5_port: int  # for the gateways
    mqtt311_port: int  # for the rule engine: iotcore's client does not speak MQTT 5


@contextmanager
def open_broker() -> Iterator[Broker]:
    """Yield a broker that is listening. Raises OSError or RuntimeError if it does not start."""
    with _reserved_port() as mqtt5_port, _reserved_port() as mqtt311_port:
        broker = Broker(mqtt5_port, mqtt311_port)
        with TemporaryDirectory() as directory:
            config = Path(directory) / "rumqttd.toml"
            config.write_text(
                _CONFIG
                + _LISTENER.format(protocol="v5", address=f"{LOOPBACK}:{broker.mqtt5_port}")
                + _LISTENER.format(protocol="v4", address=f"{LOOPBACK}:{broker.mqtt311_port}")
            )
            child = iotcore.Broker(config_path=str(config)).start()
        try:
            yield broker
        finally:
            child.stop()


@contextmanager
def _reserved_port() -> Iterator[int]:
    """Yield a free port that no other process is given meanwhile.

    Linux lets a listener that reuses addresses, as rumqttd's does, share the port of a socket that
    also reuses addresses and does not listen. A request for any free port does not get it.
    """
    with socket.socket() as placeholder:
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        placeholder.bind((LOOPBACK, 0))
        yield placeholder.getsockname()[1]
