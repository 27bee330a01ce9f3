"""The links that open the pages, with the token of the gateway, and the QR code of one."""

import io
import socket
from collections.abc import Iterator
from ipaddress import ip_address

from gateway.config.schema import WebConfig

#: An address of RFC 5737: no packet is sent to it, but the route to it has our own address.
_ANYWHERE = ("192.0.2.1", 9)


def links(place: WebConfig, token: str, local_name: str | None = None) -> list[str]:
    """Return the links to pages at a port, the one for a QR code first; without a token if empty.

    `local_name`: the name that is published in the network. It is not the first, because not every
    phone finds it.
    The token is in the fragment, which no browser sends: it is in no log of a server or proxy.
    """
    fragment = f"#token={token}" if token else ""
    named = [f"https://{name}/" for name in place.names]
    return [f"{url}{fragment}" for url in (*named, *_direct(place, local_name))]


def qr_code(link: str) -> str:
    """Return the QR code of a link as lines of text for a terminal."""
    import segno  # noqa: PLC0415 – only `web` draws one

    drawn = io.StringIO()
    segno.make(link, micro=False).terminal(out=drawn, compact=True)
    return drawn.getvalue()


def _direct(place: WebConfig, local_name: str | None) -> Iterator[str]:
    if ip_address(place.listen).is_unspecified:
        yield from (f"http://{host}:{place.port}/" for host in _own_addresses())
        yield f"http://{local_name or f'{socket.gethostname()}.local'}:{place.port}/"
    elif not (place.names and ip_address(place.listen).is_loopback):
        host = f"[{place.listen}]" if ":" in place.listen else place.listen
        yield f"http://{host}:{place.port}/"
        if local_name is not None:
            yield f"http://{local_name}:{place.port}/"


def _own_addresses() -> Iterator[str]:
    """Yield the address in the network that has the route to the internet, if there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        if looking.connect_ex(_ANYWHERE) == 0:
            yield looking.getsockname()[0]
