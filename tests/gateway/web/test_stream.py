"""Streams of events: as the gateway sends them, and the module of the pages in Node."""

import shutil
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import TestClient, TestServer

from gateway.web.pages import STATIC
from gateway.web.stream import send_stream

TEST = Path(__file__).with_name("static") / "stream.test.mjs"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_page_notices_silence_and_comes_back(tmp_path: Path) -> None:
    shutil.copy(TEST, tmp_path)
    shutil.copy(STATIC / "stream.js", tmp_path / "stream.mjs")
    ended = subprocess.run(
        ["node", "--test", TEST.name], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


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
