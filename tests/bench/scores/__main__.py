"""Write docs/scores.md, and the records behind its table to build/scores.jsonl: `make scores`."""

from pathlib import Path

from tests.bench.scores.page import page
from tests.bench.scores.records import arrivals

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "scores.md"
RECORDS = ROOT / "build" / "scores.jsonl"

if __name__ == "__main__":
    arrived = arrivals()
    RECORDS.parent.mkdir(exist_ok=True)
    RECORDS.write_bytes(b"".join(one.to_json() + b"\n" for one in arrived))
    PAGE.write_text(page(arrived), encoding="utf-8")
    print(f"written: {PAGE}, {RECORDS}")
