"""Who holds the bike: a real daemon's lock and socket decide."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.calibrating.local import LocalSession
from gateway.calibrating.messages import FILE_NAME
from gateway.calibrating.remote import DaemonSession
from gateway.calibrating.state import CalibrationError
from gateway.cli.calibrate.bike import session_with
from gateway.config.problems import ConfigError
from gateway.host import sockets
from gateway.host.sockets import ConnectionLimit, open_unix_socket
from gateway.host.state_dir import locked_state_dir

CONFIG = """
state_dir = "state"
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
"""


@pytest.fixture
async def config(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """Of a gateway; the service's sockets would be in `run`."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        file = Path(directory) / "gateway.toml"
        file.write_text(CONFIG)
        (Path(directory) / "run").mkdir()
        monkeypatch.setattr(sockets, "SERVICE_DIRECTORY", Path(directory) / "run")
        yield file


async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None: ...


@asynccontextmanager
async def daemon(config: Path, sockets: str) -> AsyncIterator[None]:
    """One that runs on the config's state_dir and listens in that directory."""
    with locked_state_dir(config.parent / "state"):
        path = config.parent / sockets / FILE_NAME
        async with open_unix_socket(path, 0o660, ConnectionLimit(hang_up, 4)):
            yield


async def test_session_without_a_daemon_is_local(config: Path) -> None:
    assert isinstance(session_with("bike-1", config), LocalSession)
    assert isinstance(session_with("bike-1", config, is_live=False), LocalSession)


@pytest.mark.parametrize("sockets", ["state", "run"])
async def test_session_with_a_daemon_on_the_state_dir_is_its(config: Path, sockets: str) -> None:
    async with daemon(config, sockets):
        for is_live in (True, False):
            made = session_with("bike-1", config, is_live=is_live)
            assert isinstance(made, DaemonSession)
            assert made._socket == config.parent / sockets / FILE_NAME
    assert isinstance(session_with("bike-1", config), LocalSession)


async def test_session_does_not_ask_a_daemon_of_another_state_dir(config: Path) -> None:
    path = config.parent / "run" / FILE_NAME
    async with open_unix_socket(path, 0o660, ConnectionLimit(hang_up, 4)):
        assert isinstance(session_with("bike-1", config), LocalSession)


async def test_a_socket_that_a_killed_daemon_left_is_passed_over(config: Path) -> None:
    async with daemon(config, "state"):
        os.link(config.parent / "state" / FILE_NAME, config.parent / "left")
    os.rename(config.parent / "left", config.parent / "state" / FILE_NAME)
    assert isinstance(session_with("bike-1", config), LocalSession)
    async with daemon(config, "run"):
        made = session_with("bike-1", config)
        assert isinstance(made, DaemonSession)
        assert made._socket.parent.name == "run"


async def test_a_daemon_without_a_socket_is_an_error_with_advice(config: Path) -> None:
    with (
        locked_state_dir(config.parent / "state"),
        pytest.raises(
            CalibrationError,
            match=r"does not accept calibration sessions at .*state/calibration.sock or ",
        ),
    ):
        session_with("bike-1", config)


async def test_session_of_a_bike_that_is_not_in_the_config_is_a_bad_config(
    config: Path,
) -> None:
    with pytest.raises(ConfigError, match="no bike 'bike-9' in this file; its bikes are: bike-1"):
        session_with("bike-9", config, is_live=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_session_without_permission_advises_sudo(config: Path) -> None:
    os.chmod(config.parent, 0o755)
    (config.parent / "state").mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(
            CalibrationError, match=r"permission denied: .*state; run this command with sudo"
        ):
            session_with("bike-1", config)
    finally:
        os.seteuid(0)
