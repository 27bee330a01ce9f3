"""The files that a browser loads."""

from pathlib import Path

import pytest

from gateway.web.app import PAGES
from gateway.web.pages import STATIC
from tests.support.web_pages import serving

#: Limit of all files together, in bytes.
TOTAL_MAX_BYTES = 100 * 1024


@pytest.mark.parametrize("path", PAGES)
async def test_page_is_served_with_a_base_that_fits_its_depth(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as pages, pages.session.get(f"{pages.url}{path}") as answer:
        assert answer.content_type == "text/html"
        assert f'<base href="{"../" * (path.count("/") - 1) or "./"}">' in await answer.text()


async def test_module_is_served_as_javascript(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as pages,
        pages.session.get(f"{pages.url}/static/stream.js") as answer,
    ):
        assert (answer.status, answer.content_type) == (200, "text/javascript")
        assert await answer.read() == (STATIC / "stream.js").read_bytes()


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "rider.html", "missing.js"])
async def test_other_files_are_not_served(tmp_path: Path, name: str) -> None:
    async with (
        serving(tmp_path) as pages,
        pages.session.get(f"{pages.url}/static/{name}") as answer,
    ):
        assert answer.status == 404


def test_files_are_small_in_all() -> None:
    sizes = [path.stat().st_size for path in STATIC.rglob("*") if path.is_file()]
    assert sum(sizes) < TOTAL_MAX_BYTES
