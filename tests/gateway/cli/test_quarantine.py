"""`buffer requeue` and `buffer drop`: what they select, ask, change and print."""

import json
import os
import pwd
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner, Result

from gateway.buffer.inspect import QuarantinedMessage
from gateway.buffer.log_format import HEADER_BYTES, OVERHEAD_BYTES, UNDATED
from gateway.buffer.quarantine import FILE_NAME, IDS_MAX
from gateway.buffer.store import Batch, Record, Store, StoreError
from gateway.cli.app import app
from gateway.cli.exits import CommandError
from gateway.cli.quarantine import Selection, ask_to_release, release_directly
from gateway.host.errors import FAILED, USAGE
from gateway.host.state_dir import locked_state_dir
from gateway.sampling.sampler import Sample
from gateway.telemetry.undated import UndatedSample
from gateway.timing.clock import BOOT_ID
from tests.support.buffer_files import buffered, fill_buffer
from tests.support.gateway_process import COMMAND
from tests.support.telemetry import message
from tests.support.terminal import Terminal

ROOMY = 2**30
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


# What is meant.


def one_quarantined(
    id_: int = 1, race_id: int | None = 7, reason: str = DENIED
) -> QuarantinedMessage:
    return QuarantinedMessage(id_, race_id, reason, b"{}")


@pytest.mark.parametrize(
    ("selection", "is_selected"),
    [
        (Selection(), True),
        (Selection(race_ids=[6, 7]), True),
        (Selection(race_ids=[6]), False),
        (Selection(ids=[1]), True),
        (Selection(ids=[2]), False),
        (Selection(reason="Not Authorised"), True),
        (Selection(reason="too large"), False),
        (Selection(race_ids=[7], ids=[1], reason="alleycat"), True),
        (Selection(race_ids=[7], ids=[2]), False),
        (Selection(race_ids=[6], ids=[1]), False),
    ],
)
def test_selection_contains_what_fits_all_its_parts(
    selection: Selection, is_selected: bool
) -> None:
    assert selection.contains(one_quarantined()) == is_selected


def test_message_without_a_race_is_in_no_selection_of_races() -> None:
    assert not Selection(race_ids=[7]).contains(one_quarantined(race_id=None))
    assert Selection(reason="auth").contains(one_quarantined(race_id=None))


# The commands.


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


# The release, at a gateway's socket or without a gateway.


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A buffer with more messages in quarantine than one request may have."""
    path = tmp_path / "state" / "buffer"
    store = Store(path, ROOMY)
    records = [Record(n, 7, b"{}") for n in range(1, IDS_MAX + 6)]
    store.write(Batch(quarantined=[(record, DENIED) for record in records]))
    store.close()
    return path


def counts(path: Path) -> tuple[int, int]:
    """Return how many messages are to be sent, and how many are in quarantine."""
    store = Store(path, ROOMY)
    try:
        return sum(store.waiting().values()), store.quarantined
    finally:
        store.close()


def test_requeued_messages_of_a_stopped_gateway_are_to_be_sent(long: Path) -> None:
    assert release_directly(long, "requeue", range(3, IDS_MAX + 6)) == IDS_MAX + 3
    assert counts(long) == (IDS_MAX + 3, 2)


def test_dropped_messages_of_a_stopped_gateway_are_gone(long: Path) -> None:
    assert release_directly(long, "drop", range(3, 9999)) == IDS_MAX + 3
    assert counts(long) == (0, 2)


def test_release_is_refused_while_a_gateway_has_the_directory(long: Path) -> None:
    with locked_state_dir(long.parent), pytest.raises(CommandError, match="a gateway uses"):
        release_directly(long, "drop", [1])
    assert counts(long) == (0, IDS_MAX + 5)


def test_damaged_messages_are_not_released(tmp_path: Path) -> None:
    path = tmp_path / "buffer"
    store = Store(path, ROOMY)
    for ids in ((1, 2), (3, 4, 5)):
        store.write(Batch(quarantined=[(Record(n, 7, b"{}"), DENIED) for n in ids]))
    store.close()
    [log] = path.iterdir()
    data = bytearray(log.read_bytes())
    data[HEADER_BYTES + OVERHEAD_BYTES] ^= 1
    log.write_bytes(data)
    assert release_directly(path, "requeue", range(1, 5)) == 2
    assert counts(path) == (2, 1)


def test_directory_whose_place_is_taken_is_an_error(long: Path) -> None:
    long.rename(long.with_name("elsewhere"))
    long.write_text("in the way")
    with pytest.raises(StoreError, match=f"{long}: File exists"):
        release_directly(long, "requeue", [1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_files_of_a_release_as_root_belong_to_the_owner_of_the_directory(long: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    with TemporaryDirectory() as directory:  # tmp_path is root's alone
        moved = Path(directory, long.name)
        shutil.copytree(long, moved)
        for one in (moved.parent, moved, *moved.iterdir()):
            os.chown(one, nobody, -1)
        assert release_directly(moved, "requeue", [1]) == 1
        owners = {one.name: one.stat().st_uid for one in moved.parent.rglob("*")}
        assert len(owners) >= 3, "the directory, the quarantine and what is to be sent"
        assert set(owners.values()) == {nobody}


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """Answer each client at this socket with the same bytes; yields their requests."""
    requests: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, client.makefile("rb") as reader:
                    requests.append(reader.readline())
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield requests
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def test_gateway_is_asked_in_parts_and_its_answers_are_added_up(tmp_path: Path) -> None:
    with answering(tmp_path / "s", b'{"released":9}\n') as requests:
        assert ask_to_release(tmp_path / "s", "drop", range(IDS_MAX + 1)) == 18
    assert len(requests) == 2
    assert requests[1] == b'{"action":"drop","ids":[%d]}\n' % IDS_MAX


def test_error_of_the_gateway_is_raised(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "s", b'{"error":"disk full"}\n'),
        pytest.raises(CommandError, match="disk full"),
    ):
        ask_to_release(tmp_path / "s", "drop", [1])


@pytest.mark.parametrize("answer", [b"", b"{}}\n", b'{"released":1'])
def test_answer_that_is_cut_off_or_invalid_is_an_error(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path / "s", answer), pytest.raises(CommandError, match="no valid answer"):
        ask_to_release(tmp_path / "s", "drop", [1])


def test_missing_gateway_is_no_error_of_the_release(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ask_to_release(tmp_path / "none", "drop", [1])
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    with pytest.raises(ConnectionRefusedError):
        ask_to_release(tmp_path / "left", "drop", [1])
