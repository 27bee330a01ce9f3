"""A TLS server with any certificate, in place of a broker."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import trustme

from tests.support.mosquitto import Authority

#: Issues the server's certificate.
Certify = Callable[[trustme.CA], trustme.LeafCert]


@contextmanager
def tls_server(
    authority: Authority, certify: Certify, *, version: ssl.TLSVersion | None = None
) -> Iterator[int]:
    """Serve TLS that demands a client's certificate, and nothing within."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.ca_file)
    if version is not None:
        context.maximum_version = version
    certify(authority._ca).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=_serve, args=(listener, context))
        serving.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Serve one client after the other until the listener ends."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        client.settimeout(1.0)  # the client ends on the thread that may wait for this one
        with client, suppress(OSError), context.wrap_socket(client, server_side=True) as tls:
            tls.recv(1)
