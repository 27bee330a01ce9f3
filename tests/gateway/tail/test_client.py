"""What `tail` reads from the socket, whole lines only, and why it cannot."""

import socket
from pathlib import Path

import pytest

from gateway.status.client import NoStatusError
from gateway.tail.client import FILE_NAME, tail_lines


def test_lines_are_whole_however_they_arrive(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / FILE_NAME))
        server.listen()
        lines = tail_lines(tmp_path / FILE_NAME, 0.01)
        assert next(lines) is None
        daemon, _ = server.accept()
        daemon.sendall(b'{"a":1}\n{"b"')
        assert next(lines) == b'{"a":1}\n'
        assert next(lines) is None
        daemon.sendall(b":2}\n")
        assert next(lines) == b'{"b":2}\n'
        daemon.close()
        assert list(lines) == []


def test_socket_that_nothing_serves_is_an_error_with_its_path(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / FILE_NAME))
    with pytest.raises(NoStatusError, match=rf"{FILE_NAME}: no process is listening"):
        next(tail_lines(tmp_path / FILE_NAME, 1))
