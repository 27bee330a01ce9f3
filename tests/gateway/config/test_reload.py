"""When a reload is done, and what it can change. What changes while racing: test_bikes.py."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.config import reload
from gateway.config.problems import ConfigError, Problem
from gateway.config.reload import Reload, needs_a_start
from gateway.config.schema import ClockConfig, Config, WebConfig
from gateway.host.systemd import ServiceManager
from tests.support.gateways import config


class Rig:
    def __init__(self, running: Config) -> None:
        self.file: Config | ConfigError = running
        self.applied: list[Config] = []
        self.told: list[str] = []
        self.notes: list[str] = []
        self.hangup = asyncio.Event()
        self._noted = asyncio.Event()
        service = ServiceManager({})
        service.tell = lambda **fields: self.told.extend(fields)  # type: ignore[method-assign]
        self._service = service
        loop = Reload(running, self._load, self._apply, self._note, self.hangup, service)
        self._run = asyncio.create_task(loop.run())

    def _load(self) -> Config:
        self.loaded_in = threading.current_thread()
        if isinstance(self.file, ConfigError):
            raise self.file
        return self.file

    async def _apply(self, changed: Config) -> None:
        self.applied.append(changed)

    def _note(self, texts: Sequence[str]) -> None:
        self.notes = list(texts)
        self._noted.set()

    async def hang_up(self) -> None:
        reloads = self.told.count("READY")
        self.hangup.set()
        async with asyncio.timeout(10):
            while self.told.count("READY") == reloads:  # noqa: ASYNC110 a thread ends it
                await asyncio.sleep(0)

    async def until(self, is_so: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_so(self.notes):
                self._noted.clear()
                await self._noted.wait()

    async def stop(self) -> None:
        self._run.cancel()
        await asyncio.wait([self._run])
        self._service.close()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(config(tmp_path, [{}]))
    yield rig
    await rig.stop()


async def test_a_hangup_applies_the_file_and_systemd_hears_of_it(rig: Rig, tmp_path: Path) -> None:
    rig.file = config(tmp_path, [{}, {}])
    await rig.hang_up()
    assert rig.applied == [rig.file]
    assert rig.told == ["RELOADING", "MONOTONIC_USEC", "READY"]
    await rig.hang_up()
    assert len(rig.applied) == 2


async def test_file_is_loaded_while_the_event_loop_goes_on(rig: Rig) -> None:
    await rig.hang_up()
    assert rig.loaded_in is not threading.main_thread()


async def test_reload_of_an_unusable_file_changes_nothing_and_is_logged(rig: Rig) -> None:
    rig.file = ConfigError(
        Path("gateway.toml"), [Problem("bikes[0].class_id", "9; expected 1 … 6")]
    )
    with capture_logs() as logs:
        await rig.hang_up()
    assert rig.applied == []
    assert logs[0]["event"] == "config not reloaded; the gateway keeps using the previous config"
    assert "bikes[0].class_id" in logs[0]["reason"]
    assert rig.told[-1] == "READY"
    [note] = rig.notes
    assert note.startswith("the changed config is not in use, because it is wrong: ")
    assert "bikes[0].class_id" in note


async def test_note_of_a_rejected_file_does_not_outlast_the_fault(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a certificate that is corrected after the reload: the config is as before."""
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.01)
    running, bad = rig.file, ConfigError(Path("gateway.toml"), [Problem("cloud", "no pair")])
    rig.file = bad
    await rig.hang_up()
    assert "no pair" in rig.notes[0]
    rig.file = ConfigError(Path("gateway.toml"), [Problem("cloud", "no certificate")])
    await rig.until(lambda notes: "no certificate" in notes[0])
    rig.file = running
    await rig.until(lambda notes: notes == [])
    rig.file = bad
    await asyncio.sleep(0.05)
    assert rig.notes == [], "only a rejected file is looked at"
    assert rig.applied == []


async def test_corrected_file_that_is_not_in_use_is_noted_until_it_is(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.01)
    running = rig.file
    assert isinstance(running, Config)
    other = running.model_copy(update={"thing_name": "other"})
    rig.file = other
    await rig.hang_up()
    [restart] = rig.notes
    rig.file = ConfigError(Path("gateway.toml"), [Problem("cloud", "no pair")])
    await rig.hang_up()
    rig.file = config(tmp_path, [{}, {}])
    await rig.until(lambda notes: notes == [reload.CORRECTED])
    rig.file = other
    await rig.until(lambda notes: notes == [restart])
    rig.file = running
    await rig.hang_up()
    assert rig.notes == []


async def test_reload_notes_what_needs_a_restart_until_it_is_undone(
    rig: Rig, tmp_path: Path
) -> None:
    running = rig.file
    assert isinstance(running, Config)
    rig.file = running.model_copy(update={"thing_name": "other", "state_dir": Path("/elsewhere")})
    await rig.hang_up()
    assert rig.notes == ["restart the gateway to apply the changed thing_name, state_dir"]
    rig.file = running
    await rig.hang_up()
    assert rig.notes == []


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"bikes": []}, []),
        ({"thing_name": "other"}, ["thing_name"]),
        ({"state_dir": Path("/elsewhere")}, ["state_dir"]),
        ({"clock": ClockConfig(trust="always")}, ["clock"]),
        ({"web": WebConfig(port=8080)}, ["web"]),
    ],
)
def test_change_of_what_is_read_once_needs_a_start(
    tmp_path: Path, change: dict[str, Any], keys: list[str]
) -> None:
    running = config(tmp_path, [{}])
    assert needs_a_start(running, running.model_copy(update=change)) == keys


def test_another_mode_of_races_needs_a_start_another_length_does_not(tmp_path: Path) -> None:
    running = config(tmp_path, [{}], {"length_s": 300})
    assert needs_a_start(running, config(tmp_path, [{}], {"length_s": 60})) == []
    assert needs_a_start(running, config(tmp_path, [{}], {"mode": "remote"})) == ["race.mode"]
