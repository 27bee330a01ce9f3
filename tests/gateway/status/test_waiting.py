"""A gateway that is not set up: it publishes nothing, keeps nothing, and reports why."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.buffer.store import Record, StoreError
from gateway.config import first
from gateway.config.problems import ConfigError, Problem
from gateway.config.schema import Config
from gateway.host.sockets import socket_directory
from gateway.host.systemd import ServiceManager
from gateway.status.client import FILE_NAME, ask_status
from gateway.status.concerns import concerns
from gateway.status.line import status_line
from gateway.status.report import status_from_json
from gateway.status.waiting import load_when_set_up
from tests.support.buffer_files import buffered, fill_buffer
from tests.support.telemetry import message


def first_config(state_dir: Path) -> Config:
    """Return the package's config, in a state directory of the test."""
    bikes = [first.BIKE]
    return Config.model_validate(
        {"thing_name": "gateway-1", "state_dir": state_dir, "cloud": first.CLOUD, "bikes": bikes}
    )


class Waiting:
    """A gateway that waits; `answers` are the configs, or errors, that it loads one by one."""

    def __init__(self, answers: list[Config | ConfigError]) -> None:
        self._answers = answers
        self.stop, self.hangup = asyncio.Event(), asyncio.Event()
        self.told: dict[str, object] = {}
        self._told = asyncio.Event()
        self._service = ServiceManager({})
        self._service.tell = self._hear  # type: ignore[method-assign]
        self.run = asyncio.create_task(
            load_when_set_up(self._load, self.stop, self.hangup, self._service)
        )

    def _load(self) -> Config:
        answer = self._answers.pop(0)
        if isinstance(answer, ConfigError):
            raise answer
        return answer

    def _hear(self, **fields: object) -> None:
        self.told = fields
        self._told.set()

    async def until_told(self) -> None:
        """Wait until the service manager is notified, which must happen before the end."""
        told = asyncio.create_task(self._told.wait())
        await asyncio.wait([told, self.run], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        assert self._told.is_set(), "the waiting has ended"
        self._told.clear()

    async def close(self) -> None:
        """Stop as after SIGTERM."""
        self.stop.set()
        await self.run
        self._service.close()


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(first, "STATE_DIR", tmp_path)
    return tmp_path


@pytest.fixture
async def waiting(state_dir: Path) -> AsyncIterator[Waiting]:
    settings = first_config(state_dir)
    broken = ConfigError(Path("gateway.toml"), [Problem("cloud", "unknown key")])
    set_up = settings.model_copy(update={"thing_name": "set-up", "bikes": []})
    waiting = Waiting([settings, settings, broken, set_up])
    yield waiting
    await waiting.close()


async def test_status_of_a_gateway_that_waits_names_the_command(
    waiting: Waiting, state_dir: Path
) -> None:
    await waiting.until_told()
    assert waiting.told == {"READY": 1, "STATUS": "not set up yet: sudo alleycat-gateway setup"}
    line = await asyncio.to_thread(ask_status, socket_directory(state_dir) / FILE_NAME)
    status = status_from_json(line)
    assert not status.is_set_up
    assert status_line(status) == "not set up yet: sudo alleycat-gateway setup"
    [concern] = concerns(status)
    assert concern.text.endswith("sudo alleycat-gateway setup")


async def test_waiting_gateway_keeps_nothing(waiting: Waiting, state_dir: Path) -> None:
    await waiting.until_told()
    await waiting.close()
    assert await waiting.run is None
    assert not (state_dir / "buffer").exists()


async def test_hangup_ends_the_waiting_once_the_config_is_set_up(waiting: Waiting) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            await waiting.until_told()
            waiting.hangup.set()
        await waiting.until_told()
        assert not waiting.run.done(), "the config was the same, and then broken"
        waiting.hangup.set()
        config = await waiting.run
    assert config is not None
    assert config.thing_name == "set-up"
    events = [log["event"] for log in logs]
    assert "config not reloaded; the gateway keeps waiting" in events


async def test_seconds_that_an_earlier_version_buffered_of_the_simulated_bike_are_discarded(
    state_dir: Path,
) -> None:
    bikes = ["bike-001"] * 5 + ["bike-9"]
    fill_buffer(
        state_dir, [Record(n, 1, message(n, 1, bike).to_json()) for n, bike in enumerate(bikes, 1)]
    )
    waiting = Waiting([first_config(state_dir)])
    with capture_logs() as logs:
        await waiting.until_told()
        await waiting.close()
    [[kept]] = buffered(state_dir).values()
    assert b"bike-9" in kept.payload, "it is not of the simulated bike"
    assert [log["count"] for log in logs if "discarded" in log["event"]] == [5]


async def test_buffer_that_cannot_be_used_does_not_stop_the_waiting(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise StoreError("the disk is broken")

    monkeypatch.setattr("gateway.status.waiting.discard_messages", fail)
    waiting = Waiting([first_config(state_dir)])
    with capture_logs() as logs:
        await waiting.until_told()
        await waiting.close()
    assert "seconds of the simulated bike not discarded" in [log["event"] for log in logs]


async def test_fifo_in_the_place_of_the_buffer_does_not_hold_up_the_waiting(
    state_dir: Path,
) -> None:
    os.mkfifo(state_dir / "buffer")
    waiting = Waiting([first_config(state_dir)])
    async with asyncio.timeout(30):
        await waiting.until_told()
        await waiting.close()
    assert len(list_of(state_dir, "buffer.damaged-*")) == 1


def list_of(directory: Path, pattern: str) -> list[Path]:
    return list(directory.glob(pattern))


async def test_config_that_is_set_up_is_returned_at_once(tmp_path: Path) -> None:
    settings = first_config(tmp_path)
    waiting = Waiting([settings])
    assert await waiting.run is settings, "it has a state directory of its own"
    assert waiting.told == {}
    await waiting.close()
