"""The few shapes that a picture of numbers needs, as SVG text. Lengths are in CSS pixels.

Colours are names of classes, which `document` gives a light and a dark meaning. The background is
opaque, since a page's theme need not be that of the browser.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

#: Class: its colour on light, and on dark.
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
FONT = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
MARKS = {True: "M-5 0 L-1.5 4 L5.5 -4.5", False: "M-4 -4 L4 4 M4 -4 L-4 4"}


def text(x: float, y: float, words: str, style: str = "ink", *, size: float = 12) -> str:
    """`style`: a colour, and "bold", "end" or "middle" if wanted. `y` is the base line."""
    return f'<text x="{x:g}" y="{y:g}" class="{style}" font-size="{size:g}">{escape(words)}</text>'


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Never so short that it cannot be seen."""
    width = max(width, 1.5)
    return (
        f'<rect x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2"'
        f' class="{colour}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="2 3"' if dashed else ""
    return f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" class="line"{dashes}/>'


def curve(points: Iterable[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    """Straight from point to point."""
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="6 5"' if dashed else ""
    return f'<path d="M{path}" class="mark {colour}-mark"{dashes}/>'


def mark(x: float, y: float, *, good: bool) -> str:
    """A tick or a cross around a point."""
    colour = "good" if good else "bad"
    return (
        f'<path d="{MARKS[good]}" transform="translate({x:g} {y:g})" class="mark {colour}-mark"/>'
    )


def document(width: int, height: int, description: str, shapes: Iterable[str]) -> str:
    """A whole file: `shapes` on a card."""
    card = f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6" class="card"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img" font-family="{FONT}">',
            f"<title>{escape(description)}</title>",
            f"<style>{_style()}</style>",
            card,
            *shapes,
            "</svg>\n",
        ]
    )


def _style() -> str:
    shapes = [
        "text.bold{font-weight:600}",
        "text.end{text-anchor:end}",
        "text.middle{text-anchor:middle}",
        ".mark{fill:none;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}",
    ]
    dark = " ".join(_colours(1))
    return " ".join([*shapes, *_colours(0), f"@media (prefers-color-scheme:dark){{{dark}}}"])


def _colours(theme: int) -> list[str]:
    """`theme`: 0 light, 1 dark."""
    of_class = {name: colours[theme] for name, colours in COLOURS.items()}
    return [
        *(f".{name}{{fill:{colour}}}" for name, colour in of_class.items()),
        *(f".{name}-mark{{stroke:{of_class[name]}}}" for name in of_class),
        f".line{{stroke:{of_class['rule']}}}",
        f".card{{fill:{of_class['paper']};stroke:{of_class['rule']}}}",
    ]
