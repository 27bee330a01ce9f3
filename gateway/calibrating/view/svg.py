"""The few shapes that a picture of numbers needs, as SVG text. Lengths are in CSS pixels.

Colours are names of classes, to which `document` is given their meaning. The background is opaque,
since a page's theme need not be that of the browser.
"""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

FONT = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"

#: What `text` takes beside a colour.
TEXT_STYLE = "text.bold{font-weight:600} text.end{text-anchor:end} text.middle{text-anchor:middle}"


def text(x: float, y: float, words: str, style: str = "ink", *, size: float = 12) -> str:
    """`style`: a colour, and "bold", "end" or "middle" if wanted. `y` is the base line."""
    return f'<text x="{x:g}" y="{y:g}" class="{style}" font-size="{size:g}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> str:
    """Of class "line"."""
    dashes = ' stroke-dasharray="2 3"' if dashed else ""
    return f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" class="line"{dashes}/>'


def polyline(points: Sequence[tuple[float, float]], style: str) -> str:
    """Through all (x, y); `style`: a class that says how it is stroked."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" class="{style}"/>'


def circle(x: float, y: float, radius: float, style: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{style}"/>'


def document(width: int, height: int, description: str, style: str, shapes: Iterable[str]) -> str:
    """A whole file: `shapes` on a card, of class "card"; `style`: the classes, as CSS."""
    card = f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6" class="card"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img" font-family="{FONT}">',
            f"<title>{escape(description)}</title>",
            f"<style>{TEXT_STYLE} {style}</style>",
            card,
            *shapes,
            "</svg>\n",
        ]
    )
