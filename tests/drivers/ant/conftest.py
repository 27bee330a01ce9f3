"""A computer with USB ports in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ant_stick import AntBus, AntStick, open_bus


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AntBus]:
    with open_bus(tmp_path, monkeypatch) as bus:
        yield bus


@pytest.fixture
def stick(bus: AntBus) -> AntStick:
    return bus.plug_in(AntStick())
