"""An HTTP proxy that knows CONNECT alone, on real sockets, as a company has it."""

import base64
import socket
import threading
from contextlib import suppress
from typing import Self

CHUNK = 65_536


class ConnectProxy:
    """A proxy on loopback, for the duration of a block.

    `credentials`: user:password, demanded of each client. `answer`: sent instead of a connection;
    b"" for none at all. `asked`: the heads of all requests.
    """

    def __init__(self, credentials: str | None = None, answer: bytes | None = None) -> None:
        self._credentials = credentials
        self._answer = answer
        self.asked: list[str] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End all connections."""
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = client.recv(CHUNK)
            if not chunk:
                client.close()
                return
            head += chunk
        text = head.decode()
        self.asked.append(text)
        if self._answer is not None or not self._knows(text):
            answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
            client.sendall(answer if self._answer is None else self._answer)
            if self._answer == b"":
                client.recv(CHUNK)
            client.close()
            return
        host, _, port = text.split(" ")[1].rpartition(":")
        with client, socket.create_connection((host.strip("[]"), int(port))) as server:
            self._open.append(server)
            client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
            up = threading.Thread(target=_copy, args=(client, server), daemon=True)
            up.start()
            _copy(server, client)
            up.join()

    def _knows(self, head: str) -> bool:
        if self._credentials is None:
            return True
        encoded = base64.b64encode(self._credentials.encode()).decode()
        return f"Proxy-Authorization: Basic {encoded}\r\n" in head


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    except OSError:
        pass
    finally:
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
