"""Draws the pictures of the documentation: `make screenshots` writes docs/page/*.png.

`python -m tests.browser.pictures DIRECTORY` writes every state on every screen, light and dark.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.calibration_stage import (
    CALIBRATION_SCENES,
    CalibrationScene,
    CalibrationStage,
)
from tests.browser.conftest import CHROMIUM, PHONE
from tests.browser.owner_stage import OWNER_SCENES, OwnerScene, OwnerStage
from tests.browser.rider_scenes import SCENES, Scene
from tests.browser.rider_stage import RiderStage
from tests.browser.show_scenes import SHOWS, Show
from tests.browser.show_stage import ShowStage

PICTURES = Path(__file__).parents[2] / "docs" / "page"
TABLET = {"width": 1024, "height": 768}
ROOM = {"width": 1920, "height": 1080}
SCREENS = {"": PHONE, "-tablet": TABLET, "-room": ROOM}
SCHEMES = {"": "light", "-dark": "dark"}


@dataclass(frozen=True)
class Picture:
    """A state of a page on a screen. `screen` and `scheme`: endings of the file's name."""

    state: str
    screen: str = ""
    scheme: str = ""

    @property
    def file_name(self) -> str:
        return f"{self.state}{self.screen}{self.scheme}.png"


def play_rider(make: Callable[[], Scene], page: Page) -> None:
    RiderStage(page).play(make())


def play_owner(scene: OwnerScene, page: Page) -> None:
    OwnerStage(page).play(scene)
    if scene.check is not None:
        page.locator("#check-title").evaluate("one => one.scrollIntoView()")


def play_calibration(scene: CalibrationScene, page: Page) -> None:
    CalibrationStage(page).play(scene)


def play_race(show: Show, page: Page) -> None:
    ShowStage(page).play_show(show)


#: What plays each state on a page, by its name.
STATES: dict[str, Callable[[Page], object]] = {
    **{f"rider-{name}": partial(play_rider, scene) for name, scene in SCENES.items()},
    **{f"owner-{name}": partial(play_owner, scene) for name, scene in OWNER_SCENES.items()},
    **{
        f"calibration-{name}": partial(play_calibration, scene)
        for name, scene in CALIBRATION_SCENES.items()
    },
    **{f"race-{name}": partial(play_race, show) for name, show in SHOWS.items()},
}


def documented() -> Iterator[Picture]:
    """Yield each state on its usual screen, and some on others."""
    for state in STATES:
        yield Picture(state, "-room" if state.startswith("race-") else "")
    yield Picture("rider-racing", "-tablet", "-dark")
    yield Picture("rider-several", "-tablet")
    yield Picture("rider-several", "-room")
    yield Picture("owner-attention", "-tablet", "-dark")
    yield Picture("owner-checked", "-room")
    yield Picture("calibration-hold", "-tablet", "-dark")
    yield Picture("calibration-review", "-room")
    yield Picture("race-cut")
    yield Picture("race-racing", "-tablet", "-dark")


def draw(browser: Browser, picture: Picture, directory: Path) -> None:
    """Write a picture."""
    context = browser.new_context(
        viewport=SCREENS[picture.screen], color_scheme=SCHEMES[picture.scheme]
    )
    page = context.new_page()
    STATES[picture.state](page)
    page.screenshot(path=directory / picture.file_name, animations="disabled")
    context.close()


def main() -> None:
    """Write the documented pictures, or all possible ones into the directory that is named."""
    directory, pictures = PICTURES, list(documented())
    if sys.argv[1:]:
        directory = Path(sys.argv[1])
        pictures = [Picture(*one) for one in product(STATES, SCREENS, SCHEMES)]
    directory.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for picture in pictures:
            draw(browser, picture, directory)
        browser.close()


if __name__ == "__main__":
    main()
