"""Draws the pictures of the documentation: `make screenshots` writes docs/page/*.png."""

from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.calibration_stage import CALIBRATION_SCENES, CalibrationStage
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
        for name in (f"rider-{scene}" for scene in SCENES):
            draw(browser, name, PICTURES / f"{name}.png", PHONE)
        for name in (f"owner-{scene}" for scene in OWNER_SCENES):
            draw(browser, name, PICTURES / f"{name}.png", PHONE)
        for name in (f"calibration-{scene}" for scene in CALIBRATION_SCENES):
            draw(browser, name, PICTURES / f"{name}.png", PHONE)
        for name, scheme in (
            ("rider-racing", "dark"),
            ("rider-several", "light"),
            ("owner-attention", "dark"),
            ("calibration-hold", "dark"),
        ):
            draw(browser, name, PICTURES / f"{name}-tablet.png", TABLET, scheme)
        for name in ("owner-checked", "calibration-review"):
            draw(browser, name, PICTURES / f"{name}-room.png", ROOM)
        browser.close()


def draw(
    browser: Browser, name: str, file: Path, size: dict[str, int], scheme: str = "light"
) -> None:
    """Write a picture of a page in a state, such as "rider-racing"."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    play(context.new_page(), *name.split("-", 1))
    context.pages[0].screenshot(path=file)
    context.close()


def play(page: Page, place: str, scene: str) -> None:
    """Show a scene of the rider's, the owner's or the calibration page."""
    match place:
        case "rider":
            RiderStage(page).play(SCENES[scene]())
        case "owner":
            OwnerStage(page).play(OWNER_SCENES[scene])
        case _:
            CalibrationStage(page).play(CALIBRATION_SCENES[scene])


if __name__ == "__main__":
    main()
