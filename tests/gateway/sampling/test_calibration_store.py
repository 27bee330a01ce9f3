"""A bike's calibration on disk: whole or not at all, and every change can be undone."""

import os
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.sampling.calibration_record import CalibrationFormatError, CalibrationRecord
from gateway.sampling.calibration_store import BACKUPS, MAX_BYTES, CalibrationStore, NoBackupError
from tests.support.calibrations import record
from tests.support.files import full_disk


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    return CalibrationStore(tmp_path / "state")


def scaled(cadence_scale: float) -> CalibrationRecord:
    return record(cadence_scale=cadence_scale)


def test_calibration_store_is_empty_at_first(store: CalibrationStore) -> None:
    assert (store.load("bike-1"), store.backups("bike-1")) == (None, {})


def test_saved_calibration_is_loaded_for_its_bike_only(store: CalibrationStore) -> None:
    file = store.save(record())
    assert store.load("bike-1") == record()
    assert store.load("bike-2") is None
    assert file == store.directory / "bike-1.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


def test_rollback_can_be_rolled_back(store: CalibrationStore) -> None:
    store.save(scaled(1))
    store.save(scaled(2))
    assert store.rollback("bike-1") == scaled(1)
    assert store.load("bike-1") == scaled(1)
    assert store.rollback("bike-1") == scaled(2)


def test_calibration_file_of_another_bike_is_refused_also_as_a_backup(
    store: CalibrationStore,
) -> None:
    text = store.save(record(bike_id="bike-2")).read_text()
    for name in ("bike-1.json", "bike-1.json.1"):
        (store.directory / name).write_text(text)
    with pytest.raises(
        CalibrationFormatError, match=r"bike-1\.json: the calibration is for bike-2; expected bike-"
    ):
        store.load("bike-1")
    with pytest.raises(NoBackupError):
        store.rollback("bike-1")
    assert store.backups("bike-2") == {}


def test_rollback_takes_any_backup_by_number(store: CalibrationStore) -> None:
    for number in range(1, 5):
        store.save(scaled(number))
    assert store.rollback("bike-1", 3) == scaled(1)
    assert store.backups("bike-1")[1] == scaled(4)


def test_reset_can_be_rolled_back(store: CalibrationStore) -> None:
    store.save(record())
    store.reset("bike-1")
    assert store.load("bike-1") is None
    assert store.rollback("bike-1") == record()
    assert store.load("bike-1") == record()


def test_reset_is_on_disk_when_it_returns(
    store: CalibrationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(record())
    synced: list[tuple[str, bool]] = []

    def noted_fsync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        synced.append((name, store.load("bike-1") is None))

    monkeypatch.setattr(os, "fsync", noted_fsync)
    store.reset("bike-1")
    assert synced[-1] == (store.directory.name, True), "the directory, after the file was removed"


def test_reset_without_a_calibration_changes_nothing(store: CalibrationStore) -> None:
    store.reset("bike-1")
    assert store.load("bike-1") is None


@pytest.mark.parametrize(("saved", "has"), [(0, "it has none"), (3, "it has 1, 2")])
def test_rollback_to_a_missing_backup_raises_and_names_those_there_are(
    store: CalibrationStore, saved: int, has: str
) -> None:
    for _ in range(saved):
        store.save(record())
    with pytest.raises(NoBackupError, match=f"bike-1 has no backup 7; {has}"):
        store.rollback("bike-1", 7)


def test_load_of_a_damaged_calibration_names_the_file(store: CalibrationStore) -> None:
    file = store.save(record())
    file.write_text("{")
    with pytest.raises(CalibrationFormatError, match=str(file)):
        store.load("bike-1")


def test_damaged_backup_hides_no_other(store: CalibrationStore) -> None:
    for number in range(1, 5):
        store.save(scaled(number))
    (store.directory / "bike-1.json.2").write_text("{")
    assert store.backups("bike-1") == {1: scaled(3), 3: scaled(1)}


def test_file_with_the_number_0_is_no_backup(store: CalibrationStore) -> None:
    saved = store.save(record())
    (store.directory / "bike-1.json.0").write_bytes(saved.read_bytes())
    assert store.backups("bike-1") == {}


def test_failed_save_keeps_the_calibration_and_its_backups(store: CalibrationStore) -> None:
    store.save(scaled(1))
    store.save(scaled(2))
    with full_disk(), pytest.raises(OSError, match="No space left"):
        store.save(scaled(3))
    assert store.load("bike-1") == scaled(2)
    assert store.backups("bike-1") == {1: scaled(1)}


def test_full_disk_costs_no_backups(store: CalibrationStore) -> None:
    for number in range(1, 6):
        store.save(scaled(number))
    before = store.backups("bike-1")
    usage = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, usage[1]))
    try:
        for _ in range(10):
            with pytest.raises(OSError, match="File too large"):
                store.save(scaled(9))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usage)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert (store.load("bike-1"), store.backups("bike-1")) == (scaled(5), before)
    assert not list(store.directory.glob("*.new")) + list(store.directory.glob(".*"))


def test_interrupted_save_leaves_no_second_backup(
    store: CalibrationStore,
) -> None:
    file = store.save(scaled(1))
    os.link(file, store.directory / "bike-1.json.1")
    store.save(scaled(2))
    assert store.backups("bike-1") == {1: scaled(1)}


class History(RuleBasedStateMachine):
    """Saved, rolled back and reset in any order: the last nine that were replaced are there."""

    @initialize(tmp=st.uuids())
    def begin(self, tmp: object) -> None:
        self.store = CalibrationStore(Path(f"/dev/shm/alleycat-{tmp}"))
        self.current: CalibrationRecord | None = None
        self.replaced: list[CalibrationRecord] = []

    def _replace(self, by: CalibrationRecord | None) -> None:
        if self.current is not None:
            self.replaced = [self.current, *self.replaced][:BACKUPS]
        self.current = by

    @rule(scale=st.integers(1, 20))
    def save(self, scale: int) -> None:
        self.store.save(scaled(scale))
        self._replace(scaled(scale))

    @rule()
    def reset(self) -> None:
        self.store.reset("bike-1")
        self._replace(None)

    @precondition(lambda self: self.replaced)
    @rule(data=st.data())
    def rollback(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, len(self.replaced)))
        wanted = self.replaced[number - 1]
        assert self.store.rollback("bike-1", number) == wanted
        self._replace(wanted)

    @invariant()
    def all_is_there(self) -> None:
        assert self.store.load("bike-1") == self.current
        assert self.store.backups("bike-1") == dict(enumerate(self.replaced, start=1))

    def teardown(self) -> None:
        for file in self.store.directory.glob("*"):
            file.unlink()


TestHistory = History.TestCase
TestHistory.settings = settings(stateful_step_count=20)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


OCCUPY = pytest.mark.parametrize("occupy", [fifo, directory, endless_device, huge_file])


@OCCUPY
def test_place_of_a_calibration_that_is_taken_is_named_and_cleared_by_a_save(
    store: CalibrationStore, occupy: Callable[[Path], None]
) -> None:
    store.directory.mkdir(parents=True)
    occupy(store.directory / "bike-1.json")
    with pytest.raises(CalibrationFormatError, match=r"bike-1\.json: it is"):
        store.load("bike-1")
    store.save(record())
    assert store.load("bike-1") == record()


@OCCUPY
@pytest.mark.parametrize("number", [2, BACKUPS - 1, BACKUPS])
def test_place_of_a_backup_that_is_taken_is_skipped_and_cleared_by_a_save(
    store: CalibrationStore, occupy: Callable[[Path], None], number: int
) -> None:
    for scale in range(1, number + 1):
        store.save(scaled(scale))
    occupy(store.directory / f"bike-1.json.{number}")
    assert list(store.backups("bike-1")) == list(range(1, number))
    store.save(scaled(number + 1))
    store.save(scaled(number + 2))
    backups = store.backups("bike-1")
    assert (backups[1], backups[number]) == (scaled(number + 1), scaled(2))


def link_to_nothing(path: Path) -> None:
    path.symlink_to("/nonexistent/directory")


@pytest.mark.parametrize("occupy", [Path.touch, fifo, endless_device, link_to_nothing])
def test_place_of_the_directory_that_is_taken_is_cleared_by_a_save(
    store: CalibrationStore, occupy: Callable[[Path], None]
) -> None:
    store.directory.parent.mkdir(exist_ok=True)
    occupy(store.directory)
    store.reset("bike-1")
    assert store.backups("bike-1") == {}
    store.save(record())
    assert store.load("bike-1") == record()
    assert os.path.lexists(f"{store.directory}.damaged-1")
