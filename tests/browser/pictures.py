"""Draws the pictures of the documentation: `make screenshots` writes docs/page/*.png."""

from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM, PHONE
from tests.browser.owner_stage import OWNER_SCENES, OwnerStage
from tests.browser.rider_scenes import SCENES
from tests.browser.rider_stage import RiderStage

PICTURES = Path(__file__).parents[2] / "docs" / "page"
TABLET = {"width": 1024, "height": 768}
ROOM = {"width": 1920, "height": 1080}


def main() -> None:
    """Write a picture of each state on a phone, and some on larger screens."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in SCENES:
            draw(browser, name, PICTURES / f"rider-{name}.png", PHONE)
        draw(browser, "racing", PICTURES / "rider-racing-tablet.png", TABLET, "dark")
        draw(browser, "several", PICTURES / "rider-several-tablet.png", TABLET)
        for name in OWNER_SCENES:
            draw_owner(browser, name, PICTURES / f"owner-{name}.png", PHONE)
        draw_owner(browser, "attention", PICTURES / "owner-attention-tablet.png", TABLET, "dark")
        draw_owner(browser, "checked", PICTURES / "owner-checked-room.png", ROOM)
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


def draw_owner(
    browser: Browser, name: str, file: Path, size: dict[str, int], scheme: str = "light"
) -> None:
    """Write a picture of a scene of the owner's page."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    OwnerStage(context.new_page()).play(OWNER_SCENES[name])
    context.pages[0].screenshot(path=file)
    context.close()


if __name__ == "__main__":
    main()
