"""A gateway that is not set up: it publishes nothing, keeps nothing, and reports why."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.buffer.log_file import LOG_MESSAGES
from gateway.buffer.log_format import UNDATED
from gateway.buffer.store import Batch, Record, Store, StoreError
from gateway.config import first
from gateway.config.problems import ConfigError, Problem
from gateway.config.schema import Config
from gateway.host.sockets import socket_directory
from gateway.host.systemd import ServiceManager
from gateway.status.client import FILE_NAME, ask_status
from gateway.status.concerns import concerns
from gateway.status.line import status_line
from gateway.status.observer import StatusSource
from gateway.status.report import status_from_json
from gateway.status.waiting import WaitingGateway, discard_messages, load_when_set_up
from gateway.timing.clock import GatewayClock, SystemClock
from tests.support.buffer_files import ROOMY, buffered, fill_buffer
from tests.support.earlier_buffer import earlier_buffer
from tests.support.telemetry import message


def first_config(state_dir: Path) -> Config:
    """Return the package's config, in a state directory of the test."""
    bikes = [first.BIKE]
    return Config.model_validate(
        {"thing_name": "gateway-1", "state_dir": state_dir, "cloud": first.CLOUD, "bikes": bikes}
    )


def _serve_nothing(
    config: Config, observer: StatusSource, clock: GatewayClock
) -> AbstractAsyncContextManager[None]:
    return nullcontext()


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
            load_when_set_up(self._load, self.stop, self.hangup, self._service, _serve_nothing)
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
    assert concern.text.endswith("run `sudo alleycat-gateway setup`")


def test_note_on_the_name_of_the_pages_lasts_until_the_name_leads_there(state_dir: Path) -> None:
    waiting = WaitingGateway(first_config(state_dir), SystemClock())
    waiting.note("there are no metrics")
    waiting.note_name("Avahi is not running")
    assert waiting.status().notes == ("there are no metrics", "Avahi is not running")
    waiting.note_name(None)
    assert waiting.status().notes == ("there are no metrics",)


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


# What the simulated bike has left.


def discard(path: Path, unwanted: bytes) -> int:
    return discard_messages(path, ROOMY, 0, lambda payload: unwanted in payload)


def test_unwanted_messages_of_all_races_are_deleted_and_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "buffer"
    bikes = ["bike-1", "bike-2"] * LOG_MESSAGES
    records = [
        Record(n, n % 3, message(n % 300 + 1, n % 3, bike).to_json())
        for n, bike in enumerate(bikes, start=1)
    ]
    records.append(Record(len(records) + 1, UNDATED, b'{"bike_id":"bike-2"}'))
    with closing(Store(path, ROOMY)) as store:
        store.write(Batch(records, quarantined=[(records[1], "refused")]))
    assert discard(path, b'"bike-2"') == LOG_MESSAGES + 1
    with closing(Store(path, ROOMY)) as store:
        kept = [one for name in store.waiting() for one in store.read(name)]
        assert sorted(one.id for one in kept) == [*range(1, 2 * LOG_MESSAGES, 2)]
        assert all(b'"bike-1"' in one.payload for one in kept)
        assert store.quarantined == 1
    assert discard(path, b'"bike-2"') == 0


def test_buffer_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    assert discard(tmp_path / "buffer", b"bike") == 0
    assert list(tmp_path.iterdir()) == []


def test_messages_of_an_earlier_version_are_discarded_too(tmp_path: Path) -> None:
    """The gateway that is not set up yet may be the first of a new version."""
    of_bikes = [Record(n, 7, message(n, 7, f"bike-{n}").to_json()) for n in (1, 2, 3)]
    earlier_buffer(tmp_path / "buffer.db", of_bikes)
    assert discard(tmp_path / "buffer", b'"bike-2"') == 1
    with closing(Store(tmp_path / "buffer", ROOMY)) as store:
        assert [one for name in store.waiting() for one in store.read(name)] == of_bikes[::2]


def test_buffer_that_cannot_be_used_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "buffer"
    Store(path, ROOMY).close()

    def fail(directory: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(directory))

    monkeypatch.setattr(os, "listdir", fail)
    with pytest.raises(StoreError, match=f"{path}: Permission denied"):
        discard(path, b"bike")
