"""Which quarantined messages are meant, and their release by another process than the gateway."""

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

from gateway.buffer.inspect import QuarantinedMessage
from gateway.buffer.log_format import HEADER_BYTES, OVERHEAD_BYTES
from gateway.buffer.quarantine import (
    IDS_MAX,
    ReleaseError,
    ReleaseRequest,
    Selection,
    ask_to_release,
    release_directly,
)
from gateway.buffer.store import Batch, Record, Store, StoreError
from gateway.host.state_dir import StateDirError, locked_state_dir

ROOMY = 2**30
REASON = "not authorised to publish to alleycat-publish"


def quarantined(id_: int = 1, race_id: int | None = 7, reason: str = REASON) -> QuarantinedMessage:
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
    assert selection.contains(quarantined()) == is_selected


def test_message_without_a_race_is_in_no_selection_of_races() -> None:
    assert not Selection(race_ids=[7]).contains(quarantined(race_id=None))
    assert Selection(reason="auth").contains(quarantined(race_id=None))


@pytest.mark.parametrize(
    ("request_", "batch"),
    [
        (ReleaseRequest("requeue", (1, 2)), Batch(requeued_ids=(1, 2))),
        (ReleaseRequest("drop", (3,)), Batch(dropped_ids=(3,))),
    ],
)
def test_request_becomes_a_batch(request_: ReleaseRequest, batch: Batch) -> None:
    assert request_.batch == batch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A buffer with more messages in quarantine than one request may have."""
    path = tmp_path / "state" / "buffer"
    store = Store(path, ROOMY)
    records = [Record(n, 7, b"{}") for n in range(1, IDS_MAX + 6)]
    store.write(Batch(quarantined=[(record, REASON) for record in records]))
    store.close()
    return path


def counts(path: Path) -> tuple[int, int]:
    """Return how many messages are to be sent, and how many are in quarantine."""
    store = Store(path, ROOMY)
    try:
        return sum(store.waiting().values()), store.quarantined
    finally:
        store.close()


def test_requeued_messages_of_a_stopped_gateway_are_to_be_sent(path: Path) -> None:
    assert release_directly(path, "requeue", range(3, IDS_MAX + 6)) == IDS_MAX + 3
    assert counts(path) == (IDS_MAX + 3, 2)


def test_dropped_messages_of_a_stopped_gateway_are_gone(path: Path) -> None:
    assert release_directly(path, "drop", range(3, 9999)) == IDS_MAX + 3
    assert counts(path) == (0, 2)


def test_release_is_refused_while_a_gateway_has_the_directory(path: Path) -> None:
    with locked_state_dir(path.parent), pytest.raises(StateDirError, match="in use by another"):
        release_directly(path, "drop", [1])
    assert counts(path) == (0, IDS_MAX + 5)


def test_damaged_messages_are_not_released(tmp_path: Path) -> None:
    path = tmp_path / "buffer"
    store = Store(path, ROOMY)
    for ids in ((1, 2), (3, 4, 5)):
        store.write(Batch(quarantined=[(Record(n, 7, b"{}"), REASON) for n in ids]))
    store.close()
    [log] = path.iterdir()
    data = bytearray(log.read_bytes())
    data[HEADER_BYTES + OVERHEAD_BYTES] ^= 1
    log.write_bytes(data)
    assert release_directly(path, "requeue", range(1, 5)) == 2
    assert counts(path) == (2, 1)


def test_directory_whose_place_is_taken_is_an_error(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.write_text("in the way")
    with pytest.raises(StoreError, match=f"{path}: File exists"):
        release_directly(path, "requeue", [1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_files_of_a_release_as_root_belong_to_the_owner_of_the_directory(path: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    with TemporaryDirectory() as directory:  # tmp_path is root's alone
        moved = Path(directory, path.name)
        shutil.copytree(path, moved)
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
        pytest.raises(ReleaseError, match="disk full"),
    ):
        ask_to_release(tmp_path / "s", "drop", [1])


@pytest.mark.parametrize("answer", [b"", b"{}}\n", b'{"released":1'])
def test_answer_that_is_cut_off_or_invalid_is_an_error(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path / "s", answer), pytest.raises(ReleaseError, match="no valid answer"):
        ask_to_release(tmp_path / "s", "drop", [1])


def test_missing_gateway_is_no_error_of_the_release(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ask_to_release(tmp_path / "none", "drop", [1])
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    with pytest.raises(ConnectionRefusedError):
        ask_to_release(tmp_path / "left", "drop", [1])
