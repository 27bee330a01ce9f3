"""What axe finds on a page, in words."""

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

#: WCAG 2.2 AA, the contrast of AAA (7:1), and the good practice that axe knows of.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async tags => await axe.run(document, {
    runOnly: tags, rules: {'color-contrast-enhanced': {enabled: true}}})"""


def findings(page: Page) -> list[str]:
    """Return a line for each finding: the rule, and the elements that break it."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(RUN, TAGS)
    return [
        f"{one['id']}: {one['help']}: {node['html']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
