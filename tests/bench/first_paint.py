"""What a browser loads before the first paint of each page: requests, bytes, milliseconds.

Chromium, with an empty cache, opens the pages of a real gateway on this computer.

    make first-paint
"""

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.bench.brokers import site
from tests.browser.conftest import CHROMIUM, PHONE
from tests.support.mosquitto import free_port

BIKES = 4
ROUNDS = 5
PATHS = ("", "gateway", "calibrate/bike-000")
#: A promise of the paint, and what was loaded when it came; streams go on and do not count.
PAINT = """
new Promise((resolve) => new PerformanceObserver((list, observer) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (!paint) return;
  observer.disconnect();
  const files = [
    ...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource"),
  ].filter((one) => one.responseEnd > 0 && one.responseEnd <= paint.startTime);
  resolve({
    requests: files.length,
    bytes: files.reduce((sum, one) => sum + one.transferSize, 0),
    paint_ms: paint.startTime,
  });
}).observe({ type: "paint", buffered: true }))
"""


@dataclass(frozen=True, slots=True)
class FirstPaint:
    """What one visit loaded before the first paint, and when it came after the click."""

    requests: int
    sent_bytes: int
    paint_ms: float


def main() -> None:
    """Visit each page several times, and print the medians."""
    table = Table("page", "requests", "KiB", "ms", title="before the first paint")
    with tempfile.TemporaryDirectory() as directory, site(Path(directory), BIKES) as ours:
        port = free_port()
        ours.gateway.further = f"[web]\nport = {port}\n"
        ours.gateway.start()
        ours.gateway.wait_for_log("cloud connected")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for path in PATHS:
                visits = list(_visits(browser, f"http://127.0.0.1:{port}/{path}"))
                table.add_row(f"/{path}", *_medians(visits))
            browser.close()
    Console().print(table)


def _visits(browser: Browser, url: str) -> Iterator[FirstPaint]:
    for _ in range(ROUNDS):
        context = browser.new_context(viewport=PHONE)
        page = context.new_page()
        page.goto(url, wait_until="commit")
        found: dict[str, Any] = page.evaluate(PAINT)
        context.close()
        yield FirstPaint(found["requests"], found["bytes"], found["paint_ms"])


def _medians(visits: list[FirstPaint]) -> tuple[str, str, str]:
    return (
        f"{statistics.median(one.requests for one in visits):.0f}",
        f"{statistics.median(one.sent_bytes for one in visits) / 1024:.1f}",
        f"{statistics.median(one.paint_ms for one in visits):.0f}",
    )


if __name__ == "__main__":
    main()
