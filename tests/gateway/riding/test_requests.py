"""The client of `ride`: what it says of a gateway that does not answer, or not in its words."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.riding import requests
from gateway.riding.requests import (
    ANSWER,
    REQUEST,
    REQUEST_MAX_BYTES,
    ChooseRider,
    JoinRace,
    LeaveRace,
    NoRideAnswer,
    RideAnswer,
    RideRequest,
    ask_ride,
)


@contextmanager
def gateway(path: Path, answer: bytes | None) -> Iterator[list[bytes]]:
    """A gateway that answers one request so, or not at all."""
    asked: list[bytes] = []
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.makefile("rb").readline())
                if answer is None:
                    done.wait(10)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    "request_",
    [ChooseRider("bike-1", 8, 3), ChooseRider("b", 2**53 - 1), JoinRace("b" * 128), LeaveRace("b")],
    ids=str,
)
def test_request_and_answer_are_the_same_at_the_other_end(
    tmp_path: Path, request_: RideRequest
) -> None:
    answer = RideAnswer("already", "nothing to do", bike_id="bike-1", starts_in_s=1.5)
    with gateway(tmp_path / "ride.sock", ANSWER.dump_json(answer) + b"\n") as asked:
        assert ask_ride(tmp_path / "ride.sock", request_) == answer
    assert REQUEST.validate_json(asked[0]) == request_
    assert len(asked[0]) <= REQUEST_MAX_BYTES


@pytest.mark.parametrize("answer", [b"", b"\n", b"{}\n", b"\xff\n", b'{"result":"perhaps"}\n'])
def test_answer_that_is_none_is_an_error(tmp_path: Path, answer: bytes) -> None:
    with gateway(tmp_path / "ride.sock", answer), pytest.raises(NoRideAnswer) as raised:
        ask_ride(tmp_path / "ride.sock", JoinRace("bike-1"))
    assert "no valid answer; the gateway is busy, stopping or of another v" in str(raised.value)


def test_gateway_that_does_not_answer_in_time_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ANSWER_TIMEOUT_S", 0.1)
    with gateway(tmp_path / "ride.sock", None), pytest.raises(NoRideAnswer, match=r"within 0\.1 s"):
        ask_ride(tmp_path / "ride.sock", JoinRace("bike-1"))


def test_gateway_that_was_killed_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "ride.sock"))
    with pytest.raises(NoRideAnswer, match="crashed or been killed: restart it"):
        ask_ride(tmp_path / "ride.sock", JoinRace("bike-1"))
