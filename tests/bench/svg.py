"""Colours, bars and marks of the benchmarks' pictures.

The elements themselves are those of gateway/calibrating/view/svg.py.
Each colour has a light and a dark variant.
"""

from collections.abc import Iterable

#: CSS class: its colour in the light and in the dark theme.
COLOURS = {
    "paper": ("#ffffff", "#0d1117"),
    "rule": ("#d1d9e0", "#3d444d"),
    "ink": ("#1f2328", "#f0f6fc"),
    "muted": ("#59636e", "#9198a1"),
    "good": ("#1a7f37", "#3fb950"),
    "bad": ("#bc4c00", "#f0883e"),
    "ours": ("#0969da", "#4493f8"),
    "theirs": ("#b7bfc8", "#59616b"),
}
MARKS = {True: "M-5 0 L-1.5 4 L5.5 -4.5", False: "M-4 -4 L4 4 M4 -4 L-4 4"}


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Return a bar that is wide enough to be visible."""
    width = max(width, 1.5)
    return (
        f'<rect x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2"'
        f' class="{colour}"/>'
    )


def curve(points: Iterable[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    """Return straight lines from point to point."""
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="6 5"' if dashed else ""
    return f'<path d="M{path}" class="mark {colour}-mark"{dashes}/>'


def mark(x: float, y: float, *, good: bool) -> str:
    """Return a tick or a cross around a point."""
    colour = "good" if good else "bad"
    return (
        f'<path d="{MARKS[good]}" transform="translate({x:g} {y:g})" class="mark {colour}-mark"/>'
    )


def _style() -> str:
    marks = ".mark{fill:none;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}"
    dark = " ".join(_colours(1))
    return " ".join([marks, *_colours(0), f"@media (prefers-color-scheme:dark){{{dark}}}"])


def _colours(theme: int) -> list[str]:
    """Return the CSS rules of a theme: 0 light, 1 dark."""
    of_class = {name: colours[theme] for name, colours in COLOURS.items()}
    return [
        *(f".{name}{{fill:{colour}}}" for name, colour in of_class.items()),
        *(f".{name}-mark{{stroke:{of_class[name]}}}" for name in of_class),
        f".line{{stroke:{of_class['rule']}}}",
        f".card{{fill:{of_class['paper']};stroke:{of_class['rule']}}}",
    ]


STYLE = _style()
