"""The page that asks for the token, and the exchange of the token for a cookie."""

import json

from aiohttp import web

from gateway.web.pages import STATIC
from gateway.web.token import TokenFile, cookie_of, is_token

COOKIE = "alleycat_gateway"
#: How long a browser keeps the cookie, in seconds: a year.
COOKIE_MAX_AGE_S = 365 * 24 * 3600

_PAGE = (STATIC / "enter.html").read_text(encoding="utf-8")


def cookie_name(host: str) -> str:
    """Return the name of the cookie for pages at this host, and port if any, of the request.

    A browser keeps one cookie of a name for all ports of a host. The port is the one that the
    browser has used, because a proxy or a tunnel may lead to several gateways at the same port.
    """
    _, _, port = host.rpartition(":")
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() else COOKIE


def page_for(request: web.Request) -> web.Response:
    """Return the answer to a request without a token: to a browser, the page that asks for it."""
    headers = {"Cache-Control": "no-store"}
    if "text/html" not in request.headers.get("Accept", ""):
        text = "expected the token of `alleycat-gateway web`\n"
        return web.Response(status=401, text=text, headers=headers)
    base = "../" * (request.path.count("/") - 1) or "./"
    page = _PAGE.replace('<base href="./">', f'<base href="{base}">')
    return web.Response(status=401, text=page, content_type="text/html", headers=headers)


def routes(token: TokenFile | None) -> list[web.RouteDef]:
    """Return the route by which a browser exchanges the token for a cookie."""

    async def enter(request: web.Request) -> web.Response:
        try:
            given = json.loads(await request.read())["token"]
        except (ValueError, TypeError, LookupError, RecursionError):
            given = None
        known = "" if token is None else token.token_or_nothing()
        if not isinstance(given, str) or not is_token(given, known):
            raise web.HTTPForbidden(text="wrong token\n")
        response = web.Response(status=204)
        # Without a path: the browser then uses the directory of this URL, also behind a proxy.
        response.set_cookie(
            cookie_name(request.host),
            cookie_of(known),
            max_age=COOKIE_MAX_AGE_S,
            path="",
            secure=request.headers["Origin"].startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
        return response

    return [web.post("/enter", enter)]
