"""How smoothly the page of a race runs: what it does in a second, and how long at a time.

Chromium shows real races of `fleet --page` on a large screen, at the computer's own speed and at a
quarter of it. A page is smooth if no task takes more than 50 ms.

    make smoothness
"""

import re
import time
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.browser.conftest import CHROMIUM
from tests.support.race_page import race_page

RACERS = (10, 1000)
#: How much slower than this computer the page's processor is.
SLOWNESSES = (1, 4)
#: How long the page is measured, in seconds, each of which has a scene. In the first three seconds
#: of the race, the scripts are compiled.
MEASURED_S = 20
HAS_BEGUN = re.compile(r"^second +(?![1-3] of)")
#: Longer than is measured, and how long the fleet may take to connect, in seconds.
RACE_S = 120
STARTS_S = 120
ROOM = {"width": 1920, "height": 1080}
OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => {
  window.longTasks.push(...list.getEntries().map((one) => one.duration));
}).observe({ type: "longtask" });
"""


@dataclass(frozen=True, slots=True)
class Smoothness:
    """What a page did in a second on average, and the tasks of more than 50 ms."""

    busy_ms: float
    script_ms: float
    long_tasks_ms: list[float]


def main() -> None:
    """Show a small fleet and a large one, and print what their pages do."""
    table = Table(
        "racers", "speed", "busy ms/s", "script ms/s", "× 10 racers", "long tasks", "longest ms"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for slowness in SLOWNESSES:
            small: Smoothness | None = None
            for racers in RACERS:
                sizes = ("--racers", str(racers), "--race", str(RACE_S))
                with race_page("fleet", *sizes, "--page") as (_, address):
                    found = _measure(browser, address, slowness)
                small = small or found
                table.add_row(f"{racers:,}", f"1/{slowness}", *_columns(found, small))
        browser.close()
    Console().print(table)


def _measure(browser: Browser, address: str, slowness: int) -> Smoothness:
    with browser.new_context(viewport=ROOM) as context:
        page = context.new_page()
        page.add_init_script(OBSERVE)
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowness})
        page.goto(address)
        expect(page.locator("#when")).to_have_text(HAS_BEGUN, timeout=1000 * STARTS_S)
        page.evaluate("window.longTasks.length = 0")
        before = _seconds(session)
        time.sleep(MEASURED_S)
        after = _seconds(session)
        long_tasks: list[float] = page.evaluate("window.longTasks")
        assert _is_racing(page), "the race was too short"
    busy_s, script_s = (
        (after[name] - before[name]) / MEASURED_S for name in ("TaskDuration", "ScriptDuration")
    )
    return Smoothness(1000 * busy_s, 1000 * script_s, long_tasks)


def _is_racing(page: Page) -> bool:
    when: str = page.locator("#when").inner_text()
    return when.startswith("second ")


def _seconds(session: CDPSession) -> dict[str, Any]:
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def _columns(found: Smoothness, small: Smoothness) -> tuple[str, ...]:
    return (
        f"{found.busy_ms:.0f}",
        f"{found.script_ms:.1f}",
        f"{found.busy_ms / small.busy_ms:.1f}",
        str(len(found.long_tasks_ms)),
        f"{max(found.long_tasks_ms, default=0):.0f}",
    )


if __name__ == "__main__":
    main()
