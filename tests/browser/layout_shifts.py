"""What moves on a page without a touch, as the browser measures it (Layout Instability API)."""

from playwright.sync_api import Page

WATCH = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    for (const { node } of entry.sources) {
      window.shifts.push(node?.className || node?.dataset?.part || node?.nodeName);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def watch_shifts(page: Page) -> None:
    """Note the elements that are shifted on the page that is opened next."""
    page.add_init_script(WATCH)


def forget_shifts(page: Page) -> None:
    page.evaluate("window.shifts = []")


def shifts(page: Page) -> list[str]:
    """Return the class, part or tag of each element that was shifted, once for each shift."""
    noted: list[str] = page.evaluate("window.shifts")
    return noted
