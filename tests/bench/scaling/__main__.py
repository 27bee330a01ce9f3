"""Write docs/scaling.md and docs/scaling.svg: `make scaling`."""

from pathlib import Path

from tests.bench.scaling.page import page
from tests.bench.scaling.picture import draw

DOCS = Path(__file__).parents[3] / "docs"

if __name__ == "__main__":
    (DOCS / "scaling.md").write_text(page(), encoding="utf-8")
    (DOCS / "scaling.svg").write_text(draw(), encoding="utf-8")
    print(f"written: {DOCS / 'scaling.md'}, {DOCS / 'scaling.svg'}")
