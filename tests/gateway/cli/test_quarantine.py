"""`buffer requeue` and `buffer drop`: what they select, ask, change and print."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.buffer.log_format import UNDATED
from gateway.buffer.quarantine import FILE_NAME
from gateway.buffer.store import Record
from gateway.cli.app import app
from gateway.host.errors import FAILED, USAGE
from gateway.host.state_dir import locked_state_dir
from gateway.sampling.sampler import Sample
from gateway.telemetry.undated import UndatedSample
from gateway.timing.clock import BOOT_ID
from tests.support.buffer_files import buffered, fill_buffer
from tests.support.gateway_process import COMMAND
from tests.support.telemetry import message
from tests.support.terminal import Terminal

DENIED, LARGE = "not authorised to publish to alleycat-publish", "too large"


def undated(boot_id: str) -> bytes:
    """Return a second that was ridden before the clock was set."""
    return UndatedSample(boot_id, 1, "bike-1", Sample(True, 80.0, 40.0, 112.0)).to_json()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Messages 1 to 4 in quarantine: two of race 7, one of race 8, one of an unknown race."""
    state_dir = tmp_path / "state"
    refused = [
        (Record(1, 7, message(1, 7).to_json()), DENIED),
        (Record(2, 7, message(2, 7).to_json()), LARGE),
        (Record(3, 8, message(3, 8).to_json()), DENIED),
        (Record(4, UNDATED, undated(BOOT_ID.read_text().strip())), "bike unknown"),
    ]
    fill_buffer(state_dir, quarantined=refused)
    return state_dir


def invoke(verb: str, state_dir: Path, *arguments: str) -> Result:
    options = ["--state-dir", str(state_dir)]
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["buffer", verb, *arguments, *options])


def to_be_sent(state_dir: Path) -> list[int]:
    return sorted(one.id for race in buffered(state_dir).values() for one in race)


def in_quarantine(state_dir: Path) -> list[int]:
    lines = invoke("quarantine", state_dir, "--json").stdout.splitlines()
    return [json.loads(line)["id"] for line in lines]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--all"], [1, 2, 3, 4]),
        (["--race", "7"], [1, 2]),
        (["--race", "7", "--race", "8"], [1, 2, 3]),
        (["--message", "2", "--message", "4"], [2, 4]),
        (["--reason", "Not authorised"], [1, 3]),
        (["--race", "7", "--reason", "large"], [2]),
    ],
)
def test_requeue_moves_what_is_selected(
    state_dir: Path, options: list[str], ids: list[int]
) -> None:
    result = invoke("requeue", state_dir, *options)
    assert result.exit_code == 0, result.output
    count = "1 message" if len(ids) == 1 else f"{len(ids)} messages"
    assert result.output == f"{count} no longer in quarantine, to be sent when the gateway runs\n"
    assert to_be_sent(state_dir) == ids
    assert set(in_quarantine(state_dir)) == {1, 2, 3, 4} - set(ids)


@pytest.mark.parametrize("payload", [undated("lost"), b"{}"], ids=["boot", "invalid"])
def test_requeue_leaves_seconds_that_can_never_be_dated(state_dir: Path, payload: bytes) -> None:
    fill_buffer(state_dir, quarantined=[(Record(5, UNDATED, payload), "not datable")])
    result = invoke("requeue", state_dir, "--all")
    assert result.exit_code == 0
    assert "1 second cannot be sent" in result.stderr
    assert f"buffer drop --message ID --state-dir {state_dir}" in result.stderr
    assert result.stdout.startswith("4 messages no longer in quarantine")
    assert in_quarantine(state_dir) == [5]
    result = invoke("requeue", state_dir, "--message", "5")
    assert result.exit_code == FAILED
    assert "nothing to send" in result.stderr
    assert in_quarantine(state_dir) == [5]


def test_requeue_sends_seconds_of_an_earlier_boot_whose_clock_was_set(state_dir: Path) -> None:
    fill_buffer(state_dir, quarantined=[(Record(5, UNDATED, undated("known")), "bike unknown")])
    (state_dir / "boots.json").write_text('{"known":{"began_ms":1,"source":"time_server"}}')
    assert invoke("requeue", state_dir, "--message", "5").exit_code == 0
    assert in_quarantine(state_dir) == [1, 2, 3, 4]


def test_drop_deletes_what_is_selected(state_dir: Path) -> None:
    result = invoke("drop", state_dir, "--race", "7", "--yes")
    assert (result.exit_code, result.output) == (0, "2 messages deleted\n")
    assert in_quarantine(state_dir) == [3, 4]
    assert to_be_sent(state_dir) == []


@pytest.mark.parametrize(("verb", "more"), [("requeue", []), ("drop", ["--yes"])])
def test_release_as_json_has_its_counts(state_dir: Path, verb: str, more: list[str]) -> None:
    result = invoke(verb, state_dir, "--all", "--json", *more)
    assert json.loads(result.stdout) == {"action": verb, "selected": 4, "messages": 4}


@pytest.mark.parametrize("verb", ["requeue", "drop"])
@pytest.mark.parametrize("options", [[], ["--all", "--race", "7"], ["--all", "--reason", "large"]])
def test_release_wants_all_or_a_selection(state_dir: Path, verb: str, options: list[str]) -> None:
    result = invoke(verb, state_dir, *options)
    assert result.exit_code == USAGE
    assert "expected --all, or one or more of --race, --message and --reason" in result.output
    assert len(in_quarantine(state_dir)) == 4


@pytest.mark.parametrize("verb", ["requeue", "drop"])
def test_selection_that_fits_nothing_is_a_failure(state_dir: Path, verb: str) -> None:
    result = invoke(verb, state_dir, "--race", "9")
    assert result.exit_code == FAILED
    listing = f"`alleycat-gateway buffer quarantine --state-dir {state_dir}`"
    assert result.output == f"no such message is in quarantine; {listing} lists them all\n"


def test_drop_without_a_terminal_needs_yes(state_dir: Path) -> None:
    result = invoke("drop", state_dir, "--all")
    assert result.exit_code == USAGE
    assert "add --yes; nothing deleted" in result.output
    assert len(in_quarantine(state_dir)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "left"), [("n", 4), ("y", 0)])
def test_drop_on_a_terminal_asks_first(state_dir: Path, answer: str, left: int) -> None:
    command = [*COMMAND, "buffer", "drop", "--all", "--state-dir", str(state_dir)]
    with Terminal(command) as terminal:
        terminal.wait_for(r"Delete 4 messages for good\?")
        terminal.press(f"{answer}\n")
        assert terminal.exit_code() == (FAILED if left else 0)
    assert len(in_quarantine(state_dir)) == left


def test_socket_that_a_killed_gateway_has_left_is_no_gateway(state_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(state_dir / FILE_NAME))
    assert invoke("requeue", state_dir, "--all").exit_code == 0
    assert in_quarantine(state_dir) == []


def test_release_is_refused_if_a_gateway_runs_that_cannot_be_asked(state_dir: Path) -> None:
    with locked_state_dir(state_dir):
        result = invoke("requeue", state_dir, "--all")
    assert result.exit_code != 0
    assert f"a gateway uses {state_dir}, but does not take requests" in result.output
    assert len(in_quarantine(state_dir)) == 4
