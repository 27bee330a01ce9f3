"""The static files, held in memory: a request cannot name any other file of this computer."""

from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).with_name("static")
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def routes(pages: dict[str, str]) -> list[web.RouteDef]:
    """Return the routes of the pages, by path, and of all files that they load."""
    files = [path for path in STATIC.rglob("*") if path.suffix in TYPES and path.suffix != ".html"]
    return [
        *(_route(path, STATIC / name) for path, name in pages.items()),
        *(_route(f"/static/{path.relative_to(STATIC)}", path) for path in files),
    ]


def _route(path: str, file: Path) -> web.RouteDef:
    body, content_type = file.read_bytes(), TYPES[file.suffix]

    async def serve(request: web.Request) -> web.Response:
        return web.Response(
            body=body,
            content_type=content_type,
            charset="utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    serve.is_page = content_type == "text/html"  # type: ignore[attr-defined]
    return web.get(path, serve)


def is_opened(request: web.Request) -> bool:
    """Return whether a browser opens one of the pages, perhaps by a link on another site."""
    is_page = getattr(request.match_info.handler, "is_page", False)
    return is_page and request.headers.get("Sec-Fetch-Mode") == "navigate"
