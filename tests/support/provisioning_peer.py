"""A scripted fleet provisioning of AWS IoT Core: a real broker, an answering peer, a doorkeeper.

    gateway ── TLS ── doorkeeper ── TLS ── mosquitto ── peer

The doorkeeper disconnects clients whose certificate is not active, as IoT Core does; mosquitto
accepts all certificates of its authority. The peer issues and registers, or answers as scripted.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from awscrt import mqtt5
from awsiot import mqtt5_client_builder
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.certificate_cloud import certificate_id, sign
from tests.support.mosquitto import Authority, Credentials, Mosquitto

ISSUE = "$aws/certificates/create-from-csr/json"
REGISTER = "$aws/provisioning-templates/alleycat-gateway/provision/json"
TIMEOUT_S = 30.0

#: Takes a request; returns "accepted" or "rejected" with the payload, or None for no answer.
Answer = Callable[[dict[str, Any]], "tuple[str, bytes] | None"]


def rejection(status: int, code: str, message: str) -> Answer:
    body = {"statusCode": status, "errorCode": code, "errorMessage": message}
    return lambda _: ("rejected", json.dumps(body).encode())


class ProvisioningPeer:
    """The peer and its doorkeeper, on `port`. `answers`: by topic; may differ from AWS's."""

    def __init__(self, broker: Mosquitto, authority: Authority) -> None:
        self._authority = authority
        self.claim = authority.issue("claim")
        self.active = {_identity(self.claim)}
        self.issued: list[str] = []
        #: (topic, request)
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Answer] = {ISSUE: self.issue, REGISTER: self.register}
        #: Called with the id of a certificate before its connection is let in.
        self.on_let_in: Callable[[str], None] = lambda _: None
        #: The ids of the certificates that were let in, one for each connection.
        self.connected: list[str] = []
        self._doorkeeper = _Doorkeeper(broker.port, authority, self._may_enter)
        self._client = _connected(broker.port, authority.issue("peer"), self._on_publish)

    @property
    def port(self) -> int:
        return self._doorkeeper.port

    def issue(self, asked: dict[str, Any]) -> tuple[str, bytes]:
        certificate = x509.load_pem_x509_certificate(self._authority.ca_certificate_pem)
        key = load_pem_private_key(self._authority.ca_key_pem, None)
        pem = sign(asked["certificateSigningRequest"], certificate, key)
        name = certificate_id(pem)
        self.issued.append(name)
        said = {
            "certificateId": name,
            "certificatePem": pem.decode(),
            "certificateOwnershipToken": f"token-of-{name}",
        }
        return "accepted", json.dumps(said).encode()

    def register(self, asked: dict[str, Any]) -> tuple[str, bytes] | None:
        name = asked["certificateOwnershipToken"].removeprefix("token-of-")
        if name not in self.issued or name in self.active:
            refuse = rejection(400, "InvalidCertificateOwnershipToken", "The token is not valid.")
            return refuse(asked)
        self.active.add(name)
        said = {"thingName": asked["parameters"]["ThingName"], "deviceConfiguration": {}}
        return "accepted", json.dumps(said).encode()

    def stop(self) -> None:
        self._client.stop()
        self._doorkeeper.stop()

    def _may_enter(self, name: str) -> bool:
        if name not in self.active:
            return False
        self.connected.append(name)
        self.on_let_in(name)
        return True

    def _on_publish(self, data: Any) -> None:
        topic = data.publish_packet.topic
        asked = json.loads(data.publish_packet.payload)
        self.requests.append((topic, asked))
        answer = self.answers[topic](asked)
        if answer is not None:
            packet = mqtt5.PublishPacket(
                topic=f"{topic}/{answer[0]}", payload=answer[1], qos=mqtt5.QoS.AT_LEAST_ONCE
            )
            self._client.publish(packet)


def _connected(
    port: int, credentials: Credentials, on_publish: Callable[[Any], None]
) -> mqtt5.Client:
    connected = threading.Event()
    client = mqtt5_client_builder.mtls_from_path(
        str(credentials.certificate_file),
        str(credentials.private_key_file),
        ca_filepath=str(credentials.ca_file),
        endpoint="127.0.0.1",
        port=port,
        client_id=f"peer-{port}",
        on_publish_received=on_publish,
        on_lifecycle_connection_success=lambda _: connected.set(),
    )
    client.start()
    assert connected.wait(TIMEOUT_S), "peer cannot connect"
    topics = [mqtt5.Subscription(topic, mqtt5.QoS.AT_LEAST_ONCE) for topic in (ISSUE, REGISTER)]
    client.subscribe(mqtt5.SubscribePacket(topics)).result(TIMEOUT_S)
    return client


def _identity(credentials: Credentials) -> str:
    return certificate_id(credentials.certificate_file.read_bytes())


class _Doorkeeper:
    """A doorkeeper with its own thread and loop."""

    def __init__(
        self,
        broker_port: int,
        authority: Authority,
        may_enter: Callable[[str], bool],
    ) -> None:
        self._broker_port = broker_port
        self._may_enter = may_enter
        self._inside = ssl.create_default_context(cafile=str(authority.ca_file))
        mine = authority.issue("doorkeeper")
        self._inside.load_cert_chain(mine.certificate_file, mine.private_key_file)
        self._outside = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca_file)
        )
        host = authority.issue("127.0.0.1")
        self._outside.load_cert_chain(host.certificate_file, host.private_key_file)
        self._outside.verify_mode = ssl.CERT_REQUIRED
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="doorkeeper")
        self._thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", ssl=self._outside)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        name = certificate_id(ssl.DER_cert_to_PEM_cert(der).encode())
        try:
            if self._may_enter(name):
                await self._lead_in(reader, writer)
        finally:
            await _end_of(writer)

    async def _lead_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_broker, to_broker = await asyncio.open_connection(
            "127.0.0.1", self._broker_port, ssl=self._inside
        )
        pumps = [
            asyncio.create_task(_pump(reader, to_broker)),
            asyncio.create_task(_pump(from_broker, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await _end_of(to_broker)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _end_of(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
