"""The race as a bar: the part that has been ridden, and the seconds without a network."""

from itertools import groupby

from rich.text import Text

from gateway.simulation.scene import RaceMoment, RaceStage, Scene

#: One cell of the bar and its style, by (was ridden, had no network).
CELLS = {
    (True, False): ("━", "cyan"),
    (True, True): ("╳", "bold red"),
    (False, False): ("─", "dim"),
    (False, True): ("╳", "dim"),
}
LEGEND = "  ╳ network cut"
#: The bar has at least this many cells; a terminal with fewer has no room for a legend.
MIN_CELLS = 20


def race_bar(scene: Scene, width: int) -> Text:
    """Return the bar, `width` cells wide with its legend, which only a race with an outage has."""
    legend = LEGEND if scene.outage and width >= MIN_CELLS + len(LEGEND) else ""
    cells = width - len(legend)
    ridden_s = _ridden_s(scene.moment)
    # Each cell shows the second at its middle.
    middles_s = [(cell + 0.5) * scene.race_s / cells for cell in range(cells)]
    kinds = [
        (middle_s < ridden_s, scene.outage is not None and middle_s in scene.outage)
        for middle_s in middles_s
    ]
    bar = Text(no_wrap=True, overflow="crop")
    for kind, run in groupby(kinds):
        mark, style = CELLS[kind]
        bar.append(mark * len(list(run)), style)
    return bar.append(legend, "dim")


def _ridden_s(moment: RaceMoment) -> int:
    """Return the seconds of the race so far, the current one included."""
    return moment.second if moment.stage in (RaceStage.RACING, RaceStage.ARRIVING) else 0
