"""SUPPORTED_BIKES.md is what docs/supported_bikes.py writes."""

from docs.supported_bikes import FILE, page


def test_supported_bikes_page_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == page(), "make bikes"


def test_supported_bikes_page_puts_everything_into_words() -> None:
    assert "None" not in page()
    protocols = [row.split(" | ") for row in page().splitlines() if row.startswith("| `")]
    assert all(len(what) > 10 for _, _, what, *_ in protocols)
