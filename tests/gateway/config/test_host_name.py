"""Host names as they are copied, mistyped and mistaken."""

import pytest

from gateway.config.host_name import host_name_problem, without_blanks


@pytest.mark.parametrize(
    "host",
    [
        "a1b2c3-ats.iot.eu-west-1.amazonaws.com",
        "localhost",
        "broker.lan",
        "Broker.LAN",
        "my_broker",
        "3com.com",
        "xn--bcher-kva.example",
        "192.168.1.4",
        "::1",
        "fe80::1%eth0",
        "2001:db8::7",
        ".".join(["a" * 63] * 3),
    ],
)
def test_host_name_or_address_is_accepted(host: str) -> None:
    assert host_name_problem(host) is None


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("a b.example", "letters, digits and hyphens"),
        ("a\n.example", "letters, digits and hyphens"),
        ("a\0b", "letters, digits and hyphens"),
        ("a..example", "single dots"),
        (".example", "single dots"),
        (".", "single dots"),
        ("", "single dots"),
        ("-a.example", "letters, digits and hyphens"),
        ("a-.example", "letters, digits and hyphens"),
        ('"a.example"', "letters, digits and hyphens"),
        ("me@a.example", "letters, digits and hyphens"),
        ("${ENDPOINT}", "letters, digits and hyphens"),
        ("mqtts://a.example", "without scheme, port or path; set the port as cloud.port"),
        ("a.example:8883", "set the port as cloud.port"),
        ("a.example/", "without scheme"),
        ("arn:aws:iot:eu-west-1:1:thing", "letters, digits and hyphens"),
        ("[::1]", "without brackets: ::1"),
        ("192.168.1", "an IP address such as"),
        ("300.1.1.1", "an IP address such as"),
        ("12345", "an IP address such as"),
        ("bücher.example", "ASCII: xn--bcher-kva.example"),
        ("bu\u0308cher.example", "ASCII: xn--bcher-kva.example"),
        ("a\u2026.example\u0301", "ASCII; it contains U+2026 (horizontal ellipsis)"),
        ("a.eu\u2011west\u20111.example", "ASCII; it contains U+2011 (non-breaking hyphen)"),
        ("a\u202e.example", "ASCII; it contains U+202E (right-to-left override)"),
        (f"{'a' * 64}.example", "at most 63 between two dots"),
        (".".join(["a" * 50] * 6), "at most 253 characters"),
    ],
)
def test_anything_else_is_refused_with_the_expected_form(host: str, words: str) -> None:
    problem = host_name_problem(host)
    assert problem is not None
    assert words in problem


@pytest.mark.parametrize(
    "copied", ["a.b", " a.b", "a.b\n", "\ta.b\r\n", "a.b.", "\u00a0a.b\u200b", "\ufeffa.b. "]
)
def test_blanks_and_the_dot_of_the_root_are_removed(copied: str) -> None:
    assert without_blanks(copied) == "a.b"


def test_blanks_within_are_left_for_the_refusal() -> None:
    assert without_blanks(" a b ") == "a b"
    assert without_blanks(".") == "."
