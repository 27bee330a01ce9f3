"""What axe finds on a page, in words."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

#: WCAG 2.2 AA, the contrast of AAA (7:1), and the good practice that axe knows of.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """tags => {
  window.axeFound = null;
  const rules = { "color-contrast-enhanced": { enabled: true } };
  axe.run(document, { runOnly: tags, rules }).then(found => { window.axeFound = found; });
}"""
#: Pause between two looks at whether axe is ready, in seconds.
PAUSE_S = 0.02


def findings(page: Page, wait: Callable[[float], None] | None = None) -> list[str]:
    """Return a line for each finding: the rule, and the elements that break it.

    `wait` moves the page's clock by some seconds, if a test has taken it over.
    """
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    page.evaluate(RUN, TAGS)
    found: dict[str, Any] | None = None
    while found is None:
        if wait is None:
            page.wait_for_timeout(1000 * PAUSE_S)
        else:
            wait(PAUSE_S)
        found = page.evaluate("window.axeFound")
    return [
        f"{one['id']}: {one['help']}: {node['html']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
