"""Saved, rolled back, reset: on disk when it returns, or nothing has changed and why is said."""

from pathlib import Path

import pytest

from gateway.calibrating.change import carry_out
from gateway.calibrating.messages import Change, Done, Reset, Rollback, Save
from gateway.calibrating.session import CalibrationError
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import record

OLD, NEW = record(), record(made_by="alleycat-gateway 9.9.9")


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    store = CalibrationStore(tmp_path)
    store.save(OLD)
    return store


def change(store: CalibrationStore, one: Change) -> Done:
    return carry_out(one, "bike-1", "fake seed 1", store)


def test_a_save_says_where(store: CalibrationStore) -> None:
    assert change(store, Save(NEW)) == Done(str(store.directory / "bike-1.json"), NEW)
    assert (store.load("bike-1"), store.backups("bike-1")) == (NEW, {1: OLD})


def test_a_rollback_says_to_what(store: CalibrationStore) -> None:
    store.save(NEW)
    assert change(store, Rollback(1)) == Done(record=OLD)
    assert store.load("bike-1") == OLD


def test_a_reset_leaves_a_backup(store: CalibrationStore) -> None:
    assert change(store, Reset()) == Done()
    assert (store.load("bike-1"), store.backups("bike-1")) == (None, {1: OLD})


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (Save(record(bike_id="bike-2")), "of bike-2 on fake seed 1; expected bike-1 on fake seed"),
        (Save(record(device="ble X")), "of bike-1 on ble X; expected bike-1 on fake seed 1"),
        (Rollback(1), "bike-1 has no backup 1"),
        (Rollback(-1), "bike-1 has no backup -1"),
    ],
)
def test_what_cannot_be_changes_nothing(store: CalibrationStore, refused: Change, why: str) -> None:
    with pytest.raises(CalibrationError, match=why):
        change(store, refused)
    assert (store.load("bike-1"), store.backups("bike-1")) == (OLD, {})


def test_a_disk_that_fails_is_said_with_the_place(store: CalibrationStore) -> None:
    (store.directory / ".bike-1.json.new").mkdir()
    with pytest.raises(CalibrationError, match=f"{store.directory}: Is a directory"):
        change(store, Save(NEW))
    assert store.load("bike-1") == OLD
