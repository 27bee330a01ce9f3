"""Draws docs/fleet.svg from docs/fleet.json: the growth of the fleet's cost, and the targets.

python -m tests.bench.fleet_picture
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path

from gateway.calibrating.view.svg import document, line, text
from tests.bench.fleet_report import CORES_LIMIT, MIB_LIMIT, FleetReport, Run
from tests.bench.svg import STYLE, bar, curve, mark

WIDTH = 880
MARGIN = 28
#: The two charts side by side: left edge of the plot, distance between them, top, and size.
PLOT_X, PLOT_GAP, PLOT_Y = 74, 436, 136
PLOT_WIDTH, PLOT_HEIGHT = 340, 200
LATENCY_Y = PLOT_Y + PLOT_HEIGHT + 84
ROW = 30
#: Left edge of the bars, and length of a bar for one second, in pixels.
BAR_X, BAR_SECOND = 210, 520


@dataclass(frozen=True, slots=True)
class Chart:
    """A value over the number of racers, both logarithmic; its scale is `low` to `high`."""

    title: str
    x: float
    value: Callable[[Run], float]
    low: float
    high: float
    limit: float
    form: str


CHARTS = (
    Chart("cores", PLOT_X, lambda run: run.cores, 0.001, 1.0, CORES_LIMIT, "{:.3g}"),
    Chart(
        "MiB at most", PLOT_X + PLOT_GAP, lambda run: run.peak_mib, 10, 10_000, MIB_LIMIT, "{:.0f}"
    ),
)


def draw(report: FleetReport) -> str:
    """Return the picture as SVG."""
    full = report.full
    lost = f"{full.lost:,} lost" if full.lost else "nothing lost"
    headline = (
        f"{full.racers:,} racers for {full.race_s} s, one process: {full.cores:.2f} cores, "
        f"{full.peak_mib:.0f} MiB, "
        f"{lost}"
    )
    shapes = [
        text(MARGIN, 42, headline, "ink bold", size=20),
        text(MARGIN, 63, _measured_on(report), "muted"),
    ]
    shapes.append(text(MARGIN, 82, _points_explained(report), "muted"))
    for chart in CHARTS:
        shapes += _chart(chart, report.growth)
    shapes += _latencies(LATENCY_Y, report.runs)
    y = LATENCY_Y + 44 + len(report.runs) * ROW
    shapes += _targets(y, report)
    height = y + 30 + len(report.targets) * 24
    return document(WIDTH, height, headline, STYLE, shapes)


def _measured_on(report: FleetReport) -> str:
    machine = report.machine
    return (
        f"make fleet-bench, {machine['date']}: {machine['processor']}, Python {machine['python']},"
        f" {machine['scheduling']} scheduling, others took up to"
        f" {max(run.other_cores for run in report.runs):.1f} cores meanwhile"
    )


def _points_explained(report: FleetReport) -> str:
    """Return why the last point of the growth differs from the headline."""
    growth_s = " or ".join(sorted({f"{run.race_s} s" for run in report.growth}))
    return f"Each point below is a race of its own, of {growth_s}; the headline is the full race."


def _chart(chart: Chart, runs: Sequence[Run]) -> Iterator[str]:
    """Yield the measured points, and a dashed line for linear growth from the first one."""
    first, last = runs[0], runs[-1]

    def at(racers: float, value: float) -> tuple[float, float]:
        part_x = log10(racers / first.racers) / log10(last.racers / first.racers)
        part_y = log10(value / chart.low) / log10(chart.high / chart.low)
        return chart.x + part_x * PLOT_WIDTH, PLOT_Y + PLOT_HEIGHT * (1 - part_y)

    yield text(chart.x, PLOT_Y - 16, f"{chart.title}, over racers", "ink bold", size=13)
    decade = chart.low
    while decade <= chart.high * 1.001:
        x, y = at(first.racers, decade)
        yield line(x, y, x + PLOT_WIDTH, y)
        yield text(x - 8, y + 4, f"{decade:g}", "muted end", size=11)
        decade *= 10
    yield line(*at(first.racers, chart.limit), *at(last.racers, chart.limit), dashed=True)
    x, y = at(last.racers, chart.limit)
    yield text(x, y - 5, f"limit {chart.limit:g}", "muted end", size=11)
    linear = min(last.racers, first.racers * chart.high / chart.value(first))
    start, end = chart.value(first), chart.value(first) * linear / first.racers
    yield line(*at(first.racers, start), *at(linear, end), dashed=True)
    x, y = at(linear, end)
    yield text(x - 6, y + 14, "linear", "muted end", size=11)
    points = [at(run.racers, chart.value(run)) for run in runs]
    yield curve(points, "ours")
    for run, (x, y) in zip(runs, points, strict=True):
        yield bar(x - 3, y - 3, 6, 6, "ours")
        yield text(x, y + 18, chart.form.format(chart.value(run)), "ours middle", size=11)
        yield text(x, PLOT_Y + PLOT_HEIGHT + 18, f"{run.racers:,}", "muted middle", size=11)


def _latencies(y: float, runs: Sequence[Run]) -> Iterator[str]:
    """Yield the times from the end of a second to PUBACK, p50 and p99, of each run."""
    heading = "from the end of a second to PUBACK, ms: half of the messages, then 99 %"
    yield text(MARGIN, y, heading, "ink bold", size=13)
    for run in runs:
        y += ROW
        name = f"{run.racers:,} racers" if run.what == "growth" else run.what
        yield text(MARGIN, y, name)
        for height, ms, colour in (
            (12, run.puback_p99_ms, "theirs"),
            (12, run.puback_p50_ms, "ours"),
        ):
            yield bar(BAR_X, y - 10, min(ms, 1000) / 1000 * BAR_SECOND, height, colour)
        end = BAR_X + min(run.puback_p99_ms, 1000) / 1000 * BAR_SECOND
        yield text(
            end + 6, y, f"{run.puback_p50_ms:.0f} · {run.puback_p99_ms:.0f}", "muted", size=11
        )


def _targets(y: float, report: FleetReport) -> Iterator[str]:
    yield line(MARGIN, y - 18, WIDTH - MARGIN, y - 18)
    for target in report.targets:
        y += 24
        colour = "good" if target.reached else "bad"
        yield mark(MARGIN + 7, y - 4, good=target.reached)
        yield text(MARGIN + 24, y, target.what)
        yield text(440, y, target.value, f"{colour} bold")
        yield text(620, y, target.limit, "muted", size=11)


if __name__ == "__main__":
    report = json.loads(Path("docs/fleet.json").read_text(encoding="utf-8"))
    picture = draw(FleetReport.from_json(report))
    Path("docs/fleet.svg").write_text(picture, encoding="utf-8")
