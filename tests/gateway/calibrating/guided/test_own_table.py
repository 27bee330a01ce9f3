"""A bike with a table of its own is shown and verified, and one without is not kept waiting."""

from pathlib import Path

import pytest

from drivers.contract import ResistanceTable, TableOrigin
from drivers.fake import FakeBike
from drivers.protocols.peloton import DEFAULT_RESISTANCE_TABLE
from gateway.calibrating.guided.own_table import find_table, verify_own_table
from tests.support.calibration_sitting import Sitting

PELOTON = {"wire": "peloton", "pot": {}, "faults": {}}


async def test_a_rig_has_none(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [])
    assert await sitting.run(find_table) is None
    assert await Sitting(tmp_path, []).run(verify_own_table) is None


async def test_a_pelotons_table_is_shown_and_verified(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, ["hold"] * 3, PELOTON)
    assert await sitting.run(verify_own_table)
    (table,) = sitting.data("table")
    assert [raw for raw, _ in table["points"]] == list(DEFAULT_RESISTANCE_TABLE)
    assert [spot["state"] for spot in sitting.data("spot")] == ["ok", "ok", "ok"]
    assert any("50.0 % =    803" in words for words in sitting.said)


async def test_anothers_table_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Peloton whose own one is not told: it is waited for first."""
    anothers = ResistanceTable(((164, 0), (967, 100)), TableOrigin.ANOTHER_BIKE)
    monkeypatch.setattr(FakeBike, "resistance_table", property(lambda _: anothers))
    sitting = Sitting(tmp_path, ["hold"] * 3, PELOTON)
    before_ns = sitting.clock.monotonic_ns()
    table = await sitting.run(find_table)
    assert table == anothers
    assert sitting.clock.monotonic_ns() - before_ns >= 12_000_000_000
