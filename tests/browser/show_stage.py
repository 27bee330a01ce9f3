"""The show on a stage: scenes of a race, as the page's server sends them."""

from dataclasses import asdict

from playwright.sync_api import Page

from gateway.simulation.page.frame import account_of, frame_of
from gateway.simulation.page.patch import difference
from gateway.simulation.page.ticker import Ticker
from gateway.simulation.scene import Scene, Summary
from tests.browser.show_scenes import Show
from tests.browser.stage import Stage


class ShowStage(Stage):
    """The show, on a stage."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, "demo.html")
        self._frame: dict[str, object] = {}
        self._ticker = Ticker()
        self.open("demo")
        self.send("hello", {"version": "0"})

    def play(self, *scenes: Scene) -> None:
        for scene in scenes:
            frame = frame_of(scene)
            self.send("scene", difference(self._frame, frame))
            self._frame = frame
            if news := self._ticker.news(scene):
                self.send("news", [asdict(one) for one in news])

    def play_show(self, show: Show) -> None:
        """Play a whole show, to its end if it has one."""
        self.play(*show.scenes)
        if show.summary is not None:
            self.end(show.summary)
        if show.is_broken_off:
            self.send("broken_off", {})
        if show.is_gone:
            self.wait(3)

    def end(self, summary: Summary) -> None:
        """Show the account of a race that is over."""
        self.send("account", account_of(summary))

    @property
    def names(self) -> list[str]:
        return list(self.page.locator("#board tbody .name").all_text_contents())
