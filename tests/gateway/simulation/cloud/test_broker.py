"""Broker: two listeners that share their topics, on loopback, for as long as the demo."""

import socket
from pathlib import Path

import pytest

from gateway.simulation.cloud.broker import open_broker
from gateway.simulation.extra import LOOPBACK

#: MQTT CONNECT, clean start, keep-alive 30 s, of protocol level 5 and 4. Two clients: the broker
#: ends the first of two connections of one, at times after it has taken the second.
CONNECT_5 = bytes.fromhex("10 0e 0004 4d515454 05 02 001e 00 0001 74")
CONNECT_311 = bytes.fromhex("10 0d 0004 4d515454 04 02 001e 0001 75")
CONNACK = b"\x20"

_LISTEN = "0A"  # a socket's state in /proc/net/tcp


def connect(port: int, packet: bytes) -> bytes:
    """The type byte of the broker's answer, empty when it hangs up."""
    with socket.create_connection((LOOPBACK, port), timeout=20) as client:
        client.sendall(packet)
        try:
            return client.recv(1)
        except ConnectionResetError:
            return b""


def test_broker_listeners_each_accept_only_their_own_protocol() -> None:
    with open_broker() as broker:
        assert connect(broker.mqtt5_port, CONNECT_5) == CONNACK
        assert connect(broker.mqtt311_port, CONNECT_311) == CONNACK
        assert connect(broker.mqtt5_port, CONNECT_311) == b""
        assert connect(broker.mqtt311_port, CONNECT_5) == b""


def test_broker_listens_on_loopback_only() -> None:
    with open_broker() as broker:
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = [local for _, local, _, state, *_ in sockets if state == _LISTEN]
        for port in (broker.mqtt5_port, broker.mqtt311_port):
            assert [at for at in listening if at.endswith(f":{port:04X}")] == [
                f"0100007F:{port:04X}"
            ]


def test_brokers_open_at_once_have_different_ports() -> None:
    with open_broker() as one, open_broker() as other:
        ports = {one.mqtt5_port, one.mqtt311_port, other.mqtt5_port, other.mqtt311_port}
        assert len(ports) == 4


def test_broker_ports_are_closed_at_the_end() -> None:
    with open_broker() as broker:
        pass
    for port in (broker.mqtt5_port, broker.mqtt311_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port))


def test_broker_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with open_broker() as broker:
        with socket.create_connection((LOOPBACK, broker.mqtt5_port)) as stranger:
            stranger.sendall(b"no MQTT at all")
        assert connect(broker.mqtt5_port, CONNECT_5) == CONNACK  # and hung up on
    assert capfd.readouterr() == ("", "")
