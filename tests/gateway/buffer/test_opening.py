"""The gateway's own buffer, opened from its config."""

from pathlib import Path

import pytest

from gateway.buffer import opening
from gateway.buffer.opening import open_configured_buffer
from tests.support.gateways import config
from tests.support.virtual_clock import VirtualClock


@pytest.mark.parametrize("kind", [None, "tmpfs"])
async def test_volatile_state_dir_is_noted_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    monkeypatch.setattr(opening, "volatile_file_system", lambda directory: kind)
    buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(0))
    notes = buffer.status.notes
    await buffer.close()
    assert len(notes) == (0 if kind is None else 1)
    assert all(f"{tmp_path} is on tmpfs" in note for note in notes)


async def test_buffer_file_lies_in_the_state_dir(tmp_path: Path) -> None:
    buffer = await open_configured_buffer(config(tmp_path, [{}]), VirtualClock(0))
    await buffer.close()
    assert (tmp_path / "buffer.db").is_file()
