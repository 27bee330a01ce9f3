"""What axe finds on a page, in words."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

#: WCAG 2.2 AA, the contrast of AAA (7:1), which includes that of AA, and the good practice that axe
#: knows of.
EVERYTHING = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"color-contrast": {"enabled": False}, "color-contrast-enhanced": {"enabled": True}},
}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}}
RUN = """options => {
  window.axeFound = null;
  axe.run(document, { ...options, resultTypes: ["violations"] })
    .then(({ violations }) => { window.axeFound = violations; });
}"""
#: Pause between two looks at whether axe is ready, in seconds.
PAUSE_S = 0.02


def findings(page: Page, wait: Callable[[float], None] | None = None) -> list[str]:
    """Return a line for each finding, in light and in dark: the rule, and the element concerned.

    `wait` moves the page's clock by some seconds, if a test has taken it over.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = _run(page, EVERYTHING, wait)
    page.emulate_media(color_scheme="dark")
    # Only the colours are others.
    found += _run(page, CONTRAST, wait)
    page.emulate_media(color_scheme="light")
    return found


def _run(page: Page, options: Mapping[str, Any], wait: Callable[[float], None] | None) -> list[str]:
    page.evaluate(RUN, options)
    found: list[dict[str, Any]] | None = None
    while found is None:
        if wait is None:
            page.wait_for_timeout(1000 * PAUSE_S)
        else:
            wait(PAUSE_S)
        found = page.evaluate("window.axeFound")
    return [
        f"{one['id']}: {one['help']}: {node['html']} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]
