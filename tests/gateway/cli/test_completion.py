"""The values that the shell completes, whether or not the config is readable."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.protocols import PROTOCOLS
from gateway.buffer.store import Record
from gateway.cli.completion import (
    adapters,
    bike_ids,
    protocols,
    quarantined_ids,
    quarantined_races,
)
from tests.support.buffer_files import fill_buffer


def context(config: Path | None = None) -> Any:
    return SimpleNamespace(params={"config": config})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "gateway.toml"
    config.write_text('[[bikes]]\nid = "one"\n[[bikes]]\nid = "other"\n', encoding="utf-8")
    return config


def test_bike_ids_are_those_of_the_config(config: Path) -> None:
    assert bike_ids(context(config), "") == ["one", "other"]
    assert bike_ids(context(config), "ot") == ["other"]


def test_bike_ids_without_a_config_option_are_those_of_the_service(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.service.SERVICE_CONFIG", config)
    assert bike_ids(context(), "") == ["one", "other"]


def test_bike_ids_of_an_unreadable_config_are_those_of_the_running_gateway(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> bytes:
        raise PermissionError(path)

    answer = b'{"gateway":{"bikes":[{"bike_id":"bike-7"}]}}\n'
    monkeypatch.setattr("gateway.config.file.read_file", refuse)
    monkeypatch.setattr("gateway.cli.status.asker", lambda _: lambda: answer)
    assert bike_ids(context(config), "") == ["bike-7"]


@pytest.mark.parametrize("text", ["[[bikes", "bikes = 7", "[[bikes]]\nracer_id = 1", ""])
def test_bike_ids_of_a_broken_config_are_none(config: Path, text: str) -> None:
    config.write_text(text, encoding="utf-8")
    assert bike_ids(context(config), "") == []


def test_bike_ids_of_a_missing_config_are_none(tmp_path: Path) -> None:
    assert bike_ids(context(tmp_path / "missing.toml"), "") == []


def test_races_and_ids_of_quarantined_messages_are_completed(tmp_path: Path) -> None:
    refused = [Record(id_, race_id, b"{}") for id_, race_id in ((1, 70), (12, 8), (13, 70))]
    fill_buffer(tmp_path, quarantined=[(one, "refused") for one in refused])
    ctx: Any = SimpleNamespace(params={"state_dir": tmp_path})
    assert quarantined_ids(ctx, "") == ["1", "12", "13"]
    assert quarantined_ids(ctx, "12") == ["12"]
    assert quarantined_races(ctx, "") == ["8", "70"]
    assert quarantined_races(ctx, "7") == ["70"]


def test_quarantine_of_a_missing_buffer_completes_nothing(tmp_path: Path) -> None:
    ctx: Any = SimpleNamespace(params={"config": None, "state_dir": tmp_path})
    assert quarantined_ids(ctx, "") == quarantined_races(ctx, "") == []


def test_protocols_are_completed() -> None:
    assert protocols("") == list(PROTOCOLS)
    assert protocols("k") == ["keiser", "kettler"]


def test_adapters_are_those_of_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.completion.ADAPTERS", tmp_path)
    assert adapters("") == []
    for name in ("hci1", "hci0", "hci0:64"):
        (tmp_path / name).mkdir()
    assert adapters("") == ["hci0", "hci1"]
    assert adapters("hci1") == ["hci1"]
