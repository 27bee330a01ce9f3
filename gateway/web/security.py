"""What a client must prove: host names, tokens, origins; and the headers of every answer."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.web import enter
from gateway.web.pages import is_opened
from gateway.web.token import TokenFile, cookie_of, is_token

#: Paths that need no token: they are the same in every gateway, or check the token themselves.
OPEN_PREFIXES = ("/static/", "/enter")

#: How a browser marks a request that a page of another site has caused, also one without Origin.
OTHER_SITES = ("cross-site", "same-site")

#: Only the gateway's own files run, and no other site shows a page in a frame.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "alleycat-gateway",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server.

    `names`: the host names that lead to it; `token`: None if only this computer can reach it.
    """

    names: frozenset[str]
    token: TokenFile | None

    def knows(self, host: str) -> bool:
        """Return whether a request for this host is meant for this gateway.

        A web site can make a name of its own lead here (DNS rebinding), but not an address.
        """
        name = _split(f"//{host}").hostname or ""
        return name in self.names or _is_address(name)

    def admits(self, request: web.Request) -> bool:
        """Return whether the request proves the token, by cookie or as a bearer."""
        if self.token is None or request.path.startswith(OPEN_PREFIXES):
            return True
        token = self.token.token_or_nothing()
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and is_token(bearer.strip(), token):
            return True
        cookie = request.cookies.get(enter.cookie_name(request.host), "")
        return bool(token) and is_token(cookie, cookie_of(token))


def names_of(names: Iterable[str]) -> frozenset[str]:
    """Return the host names of this computer, and the further ones of its config."""
    own = socket.gethostname().lower()
    return frozenset({"localhost", own, f"{own}.local", *(name.lower() for name in names)})


def guarding(guard: Guard) -> Middleware:
    """Return the middleware that refuses what the rules do not allow."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not all(map(guard.knows, request.headers.getall("Host", ()))):
            raise web.HTTPMisdirectedRequest(
                text="unknown host name; expected an IP address, this computer's name, or one of "
                "web.names in the gateway's config\n"
            )
        origin = request.headers.get("Origin")
        is_post = request.method == "POST"
        if (origin or is_post) and _split(origin or "").netloc != request.headers.get("Host"):
            raise _foreign()
        if request.headers.get("Sec-Fetch-Site") in OTHER_SITES and not is_opened(request):
            raise _foreign()
        if is_post and request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="expected application/json\n")
        if not guard.admits(request):
            return enter.page_for(request)
        return await handler(request)

    return check


def _foreign() -> web.HTTPForbidden:
    return web.HTTPForbidden(text="expected a request from this gateway's own page\n")


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers of every answer."""
    response.headers.update(HEADERS)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
