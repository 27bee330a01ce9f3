"""Streams of events, as the gateway sends them."""

from collections.abc import AsyncGenerator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import TestClient, TestServer

from gateway.web.stream import send_stream


async def test_reader_that_has_the_headers_misses_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    prepare = web.StreamResponse.prepare

    async def noted(
        response: web.StreamResponse, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        steps.append("headers")
        return await prepare(response, request)

    async def events() -> AsyncGenerator[bytes, None]:
        steps.append("followed")
        yield b"one"

    async def stream(request: web.Request) -> web.StreamResponse:
        return await send_stream(request, events(), lambda _: True)

    monkeypatch.setattr(web.StreamResponse, "prepare", noted)
    app = web.Application()
    app.router.add_get("/", stream)
    async with TestClient(TestServer(app)) as client, client.get("/") as answer:
        assert await answer.read() == b"one"
    assert steps[:2] == ["followed", "headers"]
