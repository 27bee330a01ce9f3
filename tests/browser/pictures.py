"""Draws the pictures of the documentation: `make screenshots` writes docs/page/*.png."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM, PHONE
from tests.browser.rider_scenes import SCENES
from tests.browser.rider_stage import RiderStage

PICTURES = Path(__file__).parents[2] / "docs" / "page"
TABLET = {"width": 1024, "height": 768}
ROOM = {"width": 1920, "height": 1080}


def main(folder: Path = PICTURES, *names: str) -> None:
    """Write a picture of each state on a phone, and some on larger screens."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in names or SCENES:
            draw(browser, name, folder / f"rider-{name}.png", PHONE)
        if not names:
            draw(browser, "racing", folder / "rider-racing-tablet.png", TABLET, "dark")
            draw(browser, "several", folder / "rider-several-tablet.png", TABLET)
        browser.close()


def draw(
    browser: Browser, name: str, file: Path, size: dict[str, int], scheme: str = "light"
) -> None:
    """Write a picture of one scene."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    stage = RiderStage(context.new_page())
    stage.play(SCENES[name]())
    context.pages[0].screenshot(path=file)
    context.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]), *sys.argv[2:])
