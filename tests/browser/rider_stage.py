"""The rider's page on a stage, which plays scenes."""

from playwright.sync_api import Page

from gateway.status.report import status_to_json
from tests.browser.rider_scenes import Scene
from tests.browser.stage import Stage


class RiderStage(Stage):
    """The rider's page, opened when its first scene is played."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, "rider.html")

    def play(self, scene: Scene, place: str = "") -> None:
        """Open the page and show a scene."""
        self.open(place)
        self.send("hello", {"version": "0.1.0"})
        self.continue_with(scene)

    def continue_with(self, scene: Scene) -> None:
        """Show another scene on the open page."""
        self.send("status", status_to_json(scene.before or scene.status))
        seconds = b",".join(message.to_json() for message in scene.seconds)
        self.send("seconds", b"[%b]" % seconds)
        self.send("status", status_to_json(scene.status))
        if scene.is_gone:
            self.wait(3)
