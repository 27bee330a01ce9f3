"""What the page's application answers, other than to a page in use."""

import pytest
from aiohttp import ClientSession

from gateway.simulation.page.application import PAGES
from gateway.simulation.page.server import open_page


@pytest.mark.parametrize("path", ["", *(path.removeprefix("/") for path in PAGES)])
async def test_address_of_the_server_and_of_its_page_lead_to_the_page(path: str) -> None:
    page = open_page(in_browser=False)
    async with (
        page.served(),
        ClientSession() as session,
        session.get(page.url.replace("demo", path)) as answer,
    ):
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.url.path == "/demo"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_page_is_not_for_other_host_names_and_its_stream_not_for_head() -> None:
    page = open_page(in_browser=False)
    async with page.served(), ClientSession() as session:
        async with session.get(page.url, headers={"Host": "rebound.example"}) as answer:
            assert answer.status == 421
        async with session.head(page.url.replace("demo", "events")) as answer:
            assert answer.status == 200
