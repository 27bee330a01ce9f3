"""A proxy's address, and the file with its credentials."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config.proxy import (
    Proxy,
    proxy_credentials_problem,
    proxy_from_url,
    read_proxy_credentials,
)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://proxy.lan:3128", "proxy.lan", 3128),
        (" http://10.1.1.1:8080/\n", "10.1.1.1", 8080),
        ("HTTP://[fd00::1]:3128", "fd00::1", 3128),
    ],
)
def test_address_has_a_host_and_a_port(url: str, host: str, port: int) -> None:
    proxy = proxy_from_url(url)
    assert proxy == Proxy(host, port)
    assert proxy_from_url(f"http://{proxy}") == proxy


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "expected http://HOST:PORT"),
        ("proxy.lan:3128", "expected http://HOST:PORT"),
        ("http://proxy.lan", "expected http://HOST:PORT"),
        ("http://proxy.lan:0", "expected http://HOST:PORT"),
        ("http://proxy.lan:99999", "expected http://HOST:PORT"),
        ("http://pro xy:3128", "expected http://HOST:PORT"),
        ("http://[::1", "expected http://HOST:PORT"),
        ("socks5://proxy.lan:1080", "expected http://HOST:PORT"),
        ("https://proxy.lan:3129", "TLS to the proxy itself is not supported"),
        ("http://ada:secret@proxy.lan:3128", "cloud.proxy_credentials_file"),
        ("http://ada:secret/@proxy.lan:3128", "expected http://HOST:PORT"),
        ("http://ada:@secret@proxy.lan:3128", "cloud.proxy_credentials_file"),
        ("http://proxy.lan:3128/path", "nothing may follow the port"),
        ("http://proxy.lan:3128?x", "nothing may follow the port"),
    ],
)
def test_any_other_address_is_refused_without_repeating_a_password(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")) as refused:
        proxy_from_url(url)
    assert "secret" not in str(refused.value)


def file_with(directory: Path, content: bytes, mode: int = 0o600) -> Path:
    file = directory / "proxy"
    file.write_bytes(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    "content",
    [b"ada:pass:word", b"ada:pass:word\n", b"ada:pass:word\r\n\n", b"\xef\xbb\xbfada:pass:word"],
    ids=["bare", "one line", "Windows", "byte order mark"],
)
def test_credentials_are_one_line(tmp_path: Path, content: bytes) -> None:
    file = file_with(tmp_path, content)
    assert proxy_credentials_problem(file) is None
    assert read_proxy_credentials(file) == "ada:pass:word"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"ada:secret", 0o644, "every user can access"),
        (b"adasecret", 0o600, "expected a single line: user:password"),
        (b"ada:secret\nbob:secret", 0o600, "expected a single line"),
        (b"", 0o600, "expected a single line"),
        (b"ada:secret\xff", 0o600, "not UTF-8"),
    ],
    ids=["open", "no colon", "two lines", "empty", "binary"],
)
def test_unusable_credentials_are_described_without_repeating_them(
    tmp_path: Path, content: bytes, mode: int, words: str
) -> None:
    problem = proxy_credentials_problem(file_with(tmp_path, content, mode))
    assert problem is not None
    assert words in problem
    assert "secret" not in problem


@pytest.mark.parametrize(
    ("occupy", "words"),
    [
        (lambda file: os.mkfifo(file, 0o600), "it is a FIFO; expected a file"),
        (lambda file: file.mkdir(0o700), "it is a directory; expected a file"),
        (lambda file: os.truncate(file_with(file.parent, b"ada:secret\n"), 1 << 40), "limit"),
    ],
    ids=["FIFO", "directory", "huge file"],
)
def test_credentials_are_not_waited_for(
    tmp_path: Path, occupy: Callable[[Path], object], words: str
) -> None:
    occupy(tmp_path / "proxy")
    assert words in str(proxy_credentials_problem(tmp_path / "proxy"))


def test_missing_file_of_credentials_is_a_problem(tmp_path: Path) -> None:
    problem = proxy_credentials_problem(tmp_path / "gone")
    assert problem is not None
    assert "No such file" in problem
