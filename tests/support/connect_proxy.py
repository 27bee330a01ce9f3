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

        # This socket never listens. It reserves the port while the proxy is stopped.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._reserved.close()

    def start(self) -> None:
        """Accept connections, on the same port each time."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """End all connections, and refuse new ones."""
        with suppress(OSError):  # stopped already
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

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # an end is gone, or the server cannot be reached
            self._answer_to(client)

    def _answer_to(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = client.recv(CHUNK)
            if not chunk:
                return
            head += chunk
        text = head.decode()
        self.asked.append(text)
        if self._answer is not None or not self._knows(text):
            answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
            client.sendall(answer if self._answer is None else self._answer)
            if self._answer == b"":
                client.recv(CHUNK)
            return
        host, _, port = text.split(" ")[1].rpartition(":")
        try:
            server = socket.create_connection((host.strip("[]"), int(port)))
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with server:
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
