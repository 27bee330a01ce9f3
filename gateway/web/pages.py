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

    return web.get(path, serve)
