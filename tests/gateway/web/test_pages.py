"""The files that a browser loads."""

import re
from pathlib import Path

import pytest

from gateway.web.app import PAGES
from gateway.web.pages import STATIC
from tests.support.web_pages import serving

#: Limit of all files of the gateway's pages together, in bytes.
TOTAL_MAX_BYTES = 100 * 1024
#: How a file names another one of this folder that a browser then loads.
LOADS = re.compile(r'(?:href|src)="(?:static/)?([\w.]+)"|from "\./([\w.]+)"')


@pytest.mark.parametrize("path", PAGES)
async def test_page_is_served_with_a_base_that_fits_its_depth(tmp_path: Path, path: str) -> None:
    async with (
        serving(tmp_path) as pages,
        pages.session.get(f"{pages.url}{path.format(bike='bike-1')}") as answer,
    ):
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
    """Those of the race's page are served by a demo alone."""
    loaded = {*PAGES.values()}
    while found := {name for one in loaded for name in loaded_by(one)} - loaded:
        loaded |= found
    assert "line.js" in loaded
    assert sum((STATIC / name).stat().st_size for name in loaded) < TOTAL_MAX_BYTES


def loaded_by(name: str) -> list[str]:
    found = LOADS.findall((STATIC / name).read_text(encoding="utf-8"))
    names = (of_page or of_module for of_page, of_module in found)
    return [one for one in names if (STATIC / one).is_file()]
